"""The API for customers: a mailed link opens a short session in which they use their rights.

Invariant: a session reaches only what provably belongs to its customer. The answer to a request
for a link does not tell whether the address is known.
"""

from typing import cast

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language_from_request, override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api import customer_serializers, serializers
from consent.api.problems import (
    archive_response,
    confirmed_response,
    lifted_response,
    problems_from_services,
)
from consent.api.views import with_profiles
from consent.models import ConsentEvent, MailedLink, Method, PrivacyRequest
from profiles.api.kit.access import actor_of
from profiles.api.kit.problems import problem, validated
from profiles.api.kit.strict import StrictRequests
from profiles.api.kit.throttles import LinkThrottle, refuse_more
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.lib.throttles import Throttle
from profiles.models import Identifier
from profiles.services import CUSTOMER

# Of each section the newest rows are returned; the archive has all of them.
_MAX_ROWS = 100


class Customer:
    """A customer who proved an address, in place of Django's user."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, link: MailedLink) -> None:
        self.pk = link.pk
        self.actor = CUSTOMER

    def __str__(self) -> str:
        return "customer"


class LinkSessionAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`, with the session token that a mailed link was exchanged for.

    `request.auth` is the link.
    """

    def authenticate(self, request: Request) -> tuple[Customer, MailedLink] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            return None
        link = services.find_session(words[1])
        if link is None:
            raise AuthenticationFailed("The session is unknown or over. Ask for a new link.")
        return Customer(link), link

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


# drf-spectacular's __init_subclass__ has no types.
class LinkSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the session in the OpenAPI schema."""

    target_class = LinkSessionAuthentication
    name = "customerSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class OpenViewSet(StrictRequests, GenericViewSet[MailedLink]):
    """Open to everybody: the caller has yet to request or to exchange a mailed link."""

    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes = [AllowAny]
    throttle_classes = [LinkThrottle]


class CustomerViewSet(StrictRequests, GenericViewSet[PrivacyRequest]):
    """For the customer whose session it is."""

    authentication_classes = [LinkSessionAuthentication]
    permission_classes = [IsAuthenticated]


class LinkViewSet(OpenViewSet):
    @extend_schema(
        request=customer_serializers.LinkSerializer, responses={202: OpenApiTypes.OBJECT}
    )
    def create(self, request: Request) -> Response:
        """Request a link by mail. The answer is the same whether the address is known or not."""
        fields = validated(customer_serializers.LinkSerializer(data=request.data))
        services.request_link(fields["email"], language=fields.get("language", ""))
        detail = "If the address is known, a link is on its way to it."
        return Response({"detail": detail}, status=status.HTTP_202_ACCEPTED)


class SessionViewSet(OpenViewSet):
    @extend_schema(
        request=customer_serializers.TokenSerializer,
        responses={201: customer_serializers.OpenedSessionSerializer},
    )
    def create(self, request: Request) -> Response:
        """Exchange the token of a mailed link for a session, once."""
        token = validated(customer_serializers.TokenSerializer(data=request.data))["token"]
        session = services.open_session(token)
        if session is None:
            raise problem("token", "invalid_link", "The link is unknown, used or too old.")
        return Response(
            customer_serializers.OpenedSessionSerializer(session).data,
            status=status.HTTP_201_CREATED,
        )


class ConfirmationViewSet(OpenViewSet):
    @extend_schema(
        request=customer_serializers.CodeSerializer,
        responses={201: customer_serializers.ConfirmedSerializer},
    )
    def create(self, request: Request) -> Response:
        """Confirm by the code of a mailed link, once: an opt-in, a new address, or an undoing."""
        fields = validated(customer_serializers.CodeSerializer(data=request.data))
        try:
            kind = services.confirm(fields["code"], purposes=fields.get("purposes"), actor=CUSTOMER)
        except InvalidIdentifier:
            kind = None
        if kind is None:
            raise problem("code", "invalid_link", "The link is unknown, used or too old.")
        confirmed = customer_serializers.ConfirmedSerializer({"kind": kind})
        return Response(confirmed.data, status=status.HTTP_201_CREATED)


class MeViewSet(CustomerViewSet):
    refusals = {"retrieve": (404,)}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def retrieve(self, request: Request) -> Response:
        """Return the customer's data. `is_whole` is false if it is only a part of a profile."""
        with transaction.atomic():
            subject = _subject(request)
            if not subject.is_whole:
                # Reading a part moves identifiers for a moment, so nobody else may move any. The
                # subject may have changed before the lock was taken.
                people_lock()
                subject = _subject(request)
            preview = services.preview_personal_data(
                subject.people[0],
                is_whole=subject.is_whole,
                at=database_now(),
                max_rows=_MAX_ROWS,
            )
        return Response({**preview, "is_whole": subject.is_whole})


class CustomerPermissionViewSet(CustomerViewSet):
    refusals = {"retrieve": (404,)}

    @extend_schema(responses={200: customer_serializers.PermissionsSerializer})
    def retrieve(self, request: Request) -> Response:
        """Return each purpose with its very text, and whether the customer permits it."""
        with override(get_language_from_request(request)):
            permissions = services.own_permissions(_subject(request))
        return Response(
            customer_serializers.PermissionsSerializer({"permissions": permissions}).data
        )


class CustomerConsentViewSet(CustomerViewSet):
    refusals = {"create": (404, 409)}

    @extend_schema(
        request=customer_serializers.CustomerConsentSerializer,
        responses={201: serializers.ConsentEventSerializer},
    )
    def create(self, request: Request) -> Response:
        """Give, withdraw or refuse a consent."""
        fields = validated(customer_serializers.CustomerConsentSerializer(data=request.data))
        notice = fields.get("notice")
        identifier = get_object_or_404(Identifier, pk=_identifier_id(request))
        with problems_from_services():
            event = services.record_own_statement(
                services.ConsentStatement(
                    reference=str(identifier),
                    purpose=fields["purpose"],
                    state=fields["state"],
                    method=Method.BUTTON,
                    notice_id=notice and notice.pk,
                    evidence=fields.get("evidence", {}),
                ),
                reached=_subject(request).identifier_ids,
                actor=actor_of(request),
            )
        [created] = with_profiles([ConsentEvent.objects.get(pk=event.pk)])
        return Response(
            serializers.ConsentEventSerializer(created).data, status=status.HTTP_201_CREATED
        )


class CustomerRequestViewSet(CustomerViewSet):
    refusals = {
        "create": (404, 409),
        "archive": (410,),
        "confirm_archive": (410,),
        "lift": (409,),
    }
    bodiless_actions = ("confirm_archive", "lift")
    lookup_value_converter = "uuid"

    @extend_schema(
        request=serializers.NewCustomerRequestSerializer,
        responses={201: serializers.RequestSerializer},
    )
    def create(self, request: Request) -> Response:
        """Request access, rectification, erasure, restriction, portability or an objection.

        A new e-mail address gets a link, in the language of `Accept-Language`; until it is followed
        the correction is `awaiting_verification`.
        """
        fields = validated(serializers.NewCustomerRequestSerializer(data=request.data))
        refuse_more(Throttle.PRIVACY_REQUEST, fields["kind"], _identifier_id(request))
        with problems_from_services():
            privacy_request = services.open_own_request(
                services.NewRequest(**fields, language=get_language_from_request(request)),
                identifier_id=_identifier_id(request),
                actor=actor_of(request),
            )
        return Response(
            serializers.RequestSerializer(privacy_request).data, status=status.HTTP_201_CREATED
        )

    @extend_schema(responses=serializers.RequestSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return the status of a request."""
        return Response(serializers.RequestSerializer(_own_request(request, pk)).data)

    @extend_schema(request=None, responses=serializers.RequestSerializer)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """End a restriction that the customer asked for."""
        return lifted_response(_own_request(request, pk), request, reason="")

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True)
    def archive(self, request: Request, pk: str) -> HttpResponse:
        """Return the archive of a request: up to ten times in some days, until confirmed."""
        return archive_response(_own_request(request, pk), request)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="archive/confirm")
    def confirm_archive(self, request: Request, pk: str) -> Response:
        """Confirm that the archive was received, so that it is deleted."""
        return confirmed_response(_own_request(request, pk), request)


def _identifier_id(request: Request) -> int:
    """Return the id of the identifier that the session's customer verified."""
    link = cast("MailedLink", request.auth)
    # Links to unknown addresses have none, and they open no session.
    return cast("int", link.identifier_id)


def _subject(request: Request) -> services.Subject:
    subject = services.find_own_subject(_identifier_id(request))
    if not subject.people:
        raise problem("", "nothing_held", "Nothing is held about this address any more.", 404)
    return subject


def _own_request(request: Request, pk: str) -> PrivacyRequest:
    """Return a request that the customer made about this identifier. Raises Http404 otherwise."""
    return get_object_or_404(
        PrivacyRequest,
        pk=pk,
        door=PrivacyRequest.Door.CUSTOMER,
        identifier_ids__contains=[_identifier_id(request)],
    )
