"""The customer's own door: a mailed link, a short session, and what he may see and do in it.

Invariant: a session reaches what is provably its holder's and nothing else; the answer to an address says nothing about it.
"""

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import services
from consent.api import serializers
from consent.api.problems import archive_response, problem, refusals
from consent.api.views import with_profile
from consent.models import ConsentEvent, MailedLink, Method, PrivacyRequest
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier

# The newest rows of each section; the archive has them all.
_MOST_ROWS = 100


class Customer:
    """Whoever proved an address, where Django expects a user."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, link: MailedLink) -> None:
        self.pk = link.pk

    def __str__(self) -> str:
        return "customer"


class LinkSessionAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`, with the token that a mailed link was exchanged for."""

    def authenticate(self, request: Request) -> tuple[Customer, MailedLink] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            return None
        link = services.session_of(words[1])
        if link is None:
            raise AuthenticationFailed("The session is unknown or over. Ask for a new link.")
        return Customer(link), link

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class LinkSessionScheme(OpenApiAuthenticationExtension):
    """How the schema calls the session."""

    target_class = LinkSessionAuthentication
    name = "customerSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class OpenView(APIView):
    """For anybody: the link is the proof."""

    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes = [AllowAny]


class CustomerView(APIView):
    """For the customer whose session it is."""

    authentication_classes = [LinkSessionAuthentication]
    permission_classes = [IsAuthenticated]


class LinkView(OpenView):
    @extend_schema(request=serializers.LinkSerializer, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Ask for a link by mail. The answer is the same whether the address is known or not."""
        asked = _valid(serializers.LinkSerializer(data=request.data))
        services.request_link(asked["email"])
        said = "If the address is known, a link is on its way to it."
        return Response({"detail": said}, status=status.HTTP_202_ACCEPTED)


class SessionView(OpenView):
    @extend_schema(
        request=serializers.TokenSerializer, responses={201: serializers.OpenedSessionSerializer}
    )
    def post(self, request: Request) -> Response:
        """Exchange the token of a mailed link, once, for a session."""
        token = _valid(serializers.TokenSerializer(data=request.data))["token"]
        opened = services.open_session(token)
        if opened is None:
            raise problem("token", "invalid_link", "The link is unknown, used or too old.")
        shown = serializers.OpenedSessionSerializer(opened).data
        return Response(shown, status=status.HTTP_201_CREATED)


class MeView(CustomerView):
    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """What is held about the customer; of a profile that is not all provably his, his part."""
        with transaction.atomic():
            subject = _subject(request)
            if not subject.is_whole:
                people_lock()
                subject = _subject(request)
            shown = services.data_shown(
                subject.people[0], is_whole=subject.is_whole, at=database_now(), most=_MOST_ROWS
            )
        return Response({**shown, "is_whole": subject.is_whole})


class CustomerConsentsView(CustomerView):
    @extend_schema(
        request=serializers.OwnConsentSerializer,
        responses={201: serializers.ConsentEventSerializer},
    )
    def post(self, request: Request) -> Response:
        """Give or withdraw a consent."""
        said = _valid(serializers.OwnConsentSerializer(data=request.data))
        notice = said.get("notice")
        identifier = get_object_or_404(Identifier, pk=request.auth.identifier_id)
        with refusals():
            event = services.record_own_statement(
                services.ConsentStatement(
                    reference=str(identifier),
                    purpose=said["purpose"],
                    state=said["state"],
                    method=Method.BUTTON,
                    notice_id=notice and notice.pk,
                    evidence=said.get("evidence", {}),
                )
            )
        shown = with_profile(ConsentEvent.objects.all()).get(pk=event.pk)
        return Response(
            serializers.ConsentEventSerializer(shown).data, status=status.HTTP_201_CREATED
        )


class CustomerRequestsView(CustomerView):
    @extend_schema(
        request=serializers.OwnAskingSerializer, responses={201: serializers.RequestSerializer}
    )
    def post(self, request: Request) -> Response:
        """Ask for access, rectification, erasure, restriction, portability, or object to marketing."""
        asked = _valid(serializers.OwnAskingSerializer(data=request.data))
        opened = services.open_own_request(
            services.NewRequest(**asked), identifier_id=request.auth.identifier_id
        )
        shown = serializers.RequestSerializer(opened).data
        return Response(shown, status=status.HTTP_201_CREATED)


class CustomerRequestView(CustomerView):
    @extend_schema(responses=serializers.RequestSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """Where a request stands."""
        return Response(serializers.RequestSerializer(_own_request(request, pk)).data)


class CustomerArchiveView(CustomerView):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: str) -> HttpResponse:
        """The archive: fetched once, within some days."""
        return archive_response(_own_request(request, pk), request)


def _subject(request: Request) -> services.Subject:
    subject = services.own_subject(request.auth.identifier_id)
    if not subject.people:
        raise problem("", "nothing_held", "Nothing is held about this address any more.", 404)
    return subject


def _own_request(request: Request, pk: str) -> PrivacyRequest:
    """A request that the customer made himself about this identifier; another's is not found."""
    return get_object_or_404(
        PrivacyRequest,
        pk=pk,
        door=PrivacyRequest.Door.CUSTOMER,
        identifier_ids__contains=[request.auth.identifier_id],
    )


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
