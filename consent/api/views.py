"""Purposes, notices, the ledger, and requests that services bring in their customers' names."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api import serializers
from consent.api.filters import ConsentEventFilter, NoticeFilter, PurposeFilter, RequestFilter
from consent.api.problems import archive_response, refusals
from consent.models import ConsentEvent, NoticeVersion, PrivacyRequest, Purpose
from profiles.api.kit.access import ScopedView
from profiles.identifiers.lookup import profiles_by_reference
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from profiles.models.access import Scope


class PurposeViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet,
):
    """What data are processed for. PATCH adds a version; earlier ones stay as they are."""

    scopes = {
        "GET": Scope.CONSENT_READ,
        "POST": Scope.PRIVACY_ADMIN,
        "PATCH": Scope.PRIVACY_ADMIN,
    }
    queryset = Purpose.objects.prefetch_related("versions")
    serializer_class = serializers.PurposeSerializer
    filterset_class = PurposeFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"

    @extend_schema(responses={201: serializers.PurposeSerializer})
    def create(self, request: Request) -> Response:
        terms = _valid(self.get_serializer(data=request.data))
        key = terms.pop("key")
        purpose = services.define_purpose(
            key=key, terms=services.PurposeTerms(**terms), now=database_now()
        )
        return Response(self.get_serializer(purpose).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.PurposeChangeSerializer, responses=serializers.PurposeSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        purpose = self.get_object()
        changes = _valid(serializers.PurposeChangeSerializer(data=request.data, partial=True))
        is_substantial = changes.pop("is_substantial", True)
        terms = services.replaced_terms(purpose, changes)
        services.change_purpose(
            purpose, terms=terms, is_substantial=is_substantial, now=database_now()
        )
        return Response(self.get_serializer(self.get_object()).data)


class NoticeViewSet(ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """The very words that people were shown."""

    scopes = {"GET": Scope.CONSENT_READ, "POST": Scope.PRIVACY_ADMIN}
    queryset = NoticeVersion.objects.all()
    serializer_class = serializers.NoticeSerializer
    filterset_class = NoticeFilter
    cursor_ordering = ("-created_at", "-id")

    @extend_schema(responses={201: serializers.NoticeSerializer})
    def create(self, request: Request) -> Response:
        fields = {"shown_from": database_now()} | _valid(self.get_serializer(data=request.data))
        notice = services.add_notice(**fields)
        return Response(self.get_serializer(notice).data, status=status.HTTP_201_CREATED)


class ConsentViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet):
    """The consent ledger: POST writes one event down, GET reads the history."""

    scopes = {"GET": Scope.CONSENT_READ, "POST": Scope.CONSENT_WRITE}
    action_scopes = {"state": Scope.CONSENT_READ}
    serializer_class = serializers.ConsentEventSerializer
    filterset_class = ConsentEventFilter
    cursor_ordering = ("-id",)
    queryset = ConsentEvent.objects.select_related("purpose", "purpose_version", "source")

    def get_queryset(self) -> QuerySet[ConsentEvent]:
        """Events of erased people are for the privacy role only."""
        rows = with_profile(super().get_queryset())
        scopes = getattr(self.request.auth, "scopes", ())
        return rows if Scope.PRIVACY_ADMIN in scopes else rows.filter(is_attributed=True)

    @extend_schema(
        request=serializers.ConsentSerializer, responses={201: serializers.ConsentEventSerializer}
    )
    def create(self, request: Request) -> Response:
        said = _valid(serializers.ConsentSerializer(data=request.data))
        with refusals():
            event = services.record_statement(
                _statement(said, request), recorded_by=str(request.auth)
            )
        shown = with_profile(self.queryset).get(pk=event.pk)
        return Response(self.get_serializer(shown).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.StateQuestionSerializer, responses={200: OpenApiTypes.OBJECT}
    )
    @action(detail=False, methods=["post"])
    def state(self, request: Request) -> Response:
        """What is permitted now, for up to 1,000 people; null for who is not known."""
        asked = _valid(serializers.StateQuestionSerializer(data=request.data))["identifiers"]
        holders = profiles_by_reference(asked)
        states = services.current_states(set(holders.values()), at=database_now())
        return Response({"results": [states.get(holders.get(name, 0)) for name in asked]})


class RequestViewSet(ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """What customers ask, brought by a service that knows them. A key sees its own; one with privacy:admin sees all."""

    scopes = {"GET": Scope.PRIVACY_ACT, "POST": Scope.PRIVACY_ACT}
    queryset = PrivacyRequest.objects.all()
    serializer_class = serializers.RequestSerializer
    filterset_class = RequestFilter
    cursor_ordering = ("-received_at", "-id")

    def get_queryset(self) -> QuerySet[PrivacyRequest]:
        rows = super().get_queryset()
        if Scope.PRIVACY_ADMIN in getattr(self.request.auth, "scopes", ()):
            return rows
        return rows.filter(requested_by=str(self.request.auth))

    @extend_schema(
        request=serializers.AskingSerializer, responses={201: serializers.RequestSerializer}
    )
    def create(self, request: Request) -> Response:
        asked = _valid(serializers.AskingSerializer(data=request.data))
        references = tuple(asked.pop("identifiers"))
        key = idempotency_key(request, None)
        with refusals("identifiers"):
            opened = services.open_request(
                services.NewRequest(references=references, idempotency_key=key, **asked),
                door=PrivacyRequest.Door.SERVICE,
                actor=str(request.auth),
            )
        return Response(self.get_serializer(opened).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def archive(self, request: Request, pk: str) -> HttpResponse:
        """The archive of an access or portability request: fetched once, within some days."""
        return archive_response(self.get_object(), request)


def with_profile(events: QuerySet[ConsentEvent]) -> QuerySet[ConsentEvent]:
    """Events with the public id of the profile that they belong to now; a join would lose those of erased people."""
    holder = Profile.objects.filter(identifiers=OuterRef("identifier_id"))
    held = Identifier.objects.filter(pk=OuterRef("identifier_id"), profile__isnull=False)
    return events.annotate(
        profile_uuid=Subquery(holder.values("uuid")[:1]), is_attributed=Exists(held)
    )


def idempotency_key(request: Request, in_body: str | None) -> str | None:
    """The caller's key, from the body or the header, apart from those of other callers."""
    given = in_body or request.headers.get("Idempotency-Key")
    return f"{request.auth.pk}:{given}" if given else None


def _statement(said: dict[str, Any], request: Request) -> services.ConsentStatement:
    notice = said.get("notice")
    return services.ConsentStatement(
        reference=said.get("identifier") or f"profile:{said['profile']}",
        purpose=said.get("purpose"),
        state=said["state"],
        method=said["method"],
        kind=said["kind"],
        actor=said.get("actor"),
        occurred_at=said.get("occurred_at"),
        valid_until=said.get("valid_until"),
        notice_id=notice and notice.pk,
        evidence=said.get("evidence", {}),
        idempotency_key=idempotency_key(request, said.get("idempotency_key")),
    )


def _valid(serializer: BaseSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = dict(serializer.validated_data)
    return valid
