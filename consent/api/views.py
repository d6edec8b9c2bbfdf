"""The API for services: purposes, notices, the ledger, and requests of their customers."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api import serializers
from consent.api.filters import ConsentEventFilter, NoticeFilter, PurposeFilter, RequestFilter
from consent.api.problems import (
    archive_response,
    confirmed_response,
    lifted_response,
    problems_from_services,
)
from consent.models import (
    ConsentEvent,
    ConsentKind,
    NoticeVersion,
    PrivacyRequest,
    Purpose,
    State,
)
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import validated
from profiles.api.kit.throttles import refuse_more
from profiles.identifiers.lookup import profiles_by_reference
from profiles.lib.database import database_now
from profiles.lib.throttles import Throttle
from profiles.models import ApiKey, Identifier, Profile
from profiles.models.access import Scope


class PurposeViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Purpose],
):
    """The purposes of processing. PATCH adds a version; earlier ones stay as they are."""

    scopes = {
        "GET": Scope.CONSENT_READ,
        "POST": Scope.PRIVACY_ADMIN,
        "PATCH": Scope.PRIVACY_ADMIN,
    }
    queryset = Purpose.objects.select_related("replaces").prefetch_related("versions")
    serializer_class = serializers.PurposeSerializer
    filterset_class = PurposeFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    refusals = {"create": (409,), "partial_update": (409,)}

    @extend_schema(responses={201: serializers.PurposeSerializer})
    def create(self, request: Request) -> Response:
        terms = validated(self.get_serializer(data=request.data))
        key = terms.pop("key")
        purpose = services.define_purpose(
            key=key,
            replaces=terms.pop("replaces", None),
            terms=services.PurposeTerms(**terms),
            actor=actor_of(request),
            now=database_now(),
        )
        return Response(self.get_serializer(purpose).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.PurposeChangeSerializer, responses=serializers.PurposeSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        changes = validated(serializers.PurposeChangeSerializer(data=request.data, partial=True))
        purpose = self.get_object()
        is_substantial = changes.pop("is_substantial", True)
        terms = services.terms_with_changes(purpose, changes)
        with problems_from_services():
            services.change_purpose(
                purpose,
                terms=terms,
                is_substantial=is_substantial,
                actor=actor_of(request),
                now=database_now(),
            )
        # Read again: the prefetched versions lack the new one.
        return Response(self.get_serializer(self.get_object()).data)


class NoticeViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[NoticeVersion],
):
    """The notices that people were shown, word for word."""

    scopes = {"GET": Scope.CONSENT_READ, "POST": Scope.PRIVACY_ADMIN}
    queryset = NoticeVersion.objects.all()
    serializer_class = serializers.NoticeSerializer
    filterset_class = NoticeFilter
    cursor_ordering = ("-created_at", "-id")

    @extend_schema(responses={201: serializers.NoticeSerializer})
    def create(self, request: Request) -> Response:
        fields = {"shown_from": database_now()} | validated(self.get_serializer(data=request.data))
        notice = services.add_notice(**fields, actor=actor_of(request))
        return Response(self.get_serializer(notice).data, status=status.HTTP_201_CREATED)


class ConsentViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[ConsentEvent]):
    """The consent ledger. POST records one event, GET lists the history."""

    scopes = {"GET": Scope.CONSENT_READ, "POST": Scope.CONSENT_WRITE}
    action_scopes = {"state": Scope.CONSENT_READ, "unsubscribe_links": Scope.CONSENT_READ}
    _shown: Sequence[str] = ()
    refusals = {"create": (409,)}
    serializer_class = serializers.ConsentEventSerializer
    filterset_class = ConsentEventFilter
    cursor_ordering = ("-id",)
    queryset = ConsentEvent.objects.select_related("purpose", "purpose_version", "source")

    def get_queryset(self) -> QuerySet[ConsentEvent]:
        """Return the events; those of erased people, which have no body, need privacy:admin."""
        events = super().get_queryset()
        if Scope.PRIVACY_ADMIN in getattr(self.request.auth, "scopes", ()):
            return events
        return events.filter(body__isnull=False)

    def paginate_queryset(self, queryset: Any) -> list[Any]:
        return with_profiles(super().paginate_queryset(queryset) or ())

    @extend_schema(
        request=serializers.ConsentSerializer, responses={201: serializers.ConsentEventSerializer}
    )
    def create(self, request: Request) -> Response:
        fields = validated(serializers.ConsentSerializer(data=request.data))
        statement = _statement(fields, request)

        def record() -> services.Answer:
            event = services.record_statement(statement, actor=actor_of(request))
            [created] = with_profiles([self.queryset.get(pk=event.pk)])
            return _created(self.get_serializer(created).data, [event.identifier_id])

        with problems_from_services():
            return answer_once(request, record, is_refusal=not _permits(fields))

    @extend_schema(request=serializers.StateQuerySerializer, responses={200: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["post"])
    def state(self, request: Request) -> Response:
        """Return the current states of up to 1,000 people, null for each unknown one."""
        query = validated(serializers.StateQuerySerializer(data=request.data))
        identifiers = query["identifiers"]
        profile_ids = profiles_by_reference(identifiers)
        states = services.current_states(set(profile_ids.values()), at=database_now())
        # No profile has the id 0.
        results = [states.get(profile_ids.get(identifier, 0)) for identifier in identifiers]
        shown = Profile.objects.filter(pk__in=set(profile_ids.values()))
        self._shown = list(map(str, shown.values_list("uuid", flat=True)))
        return Response({"results": results})

    def shown_people(self) -> Iterable[str]:
        # States are in the order of the identifiers in the body.
        return self._shown

    @extend_schema(responses=serializers.ReceiptSerializer)
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def receipt(self, request: Request, pk: str) -> Response:
        """Return the signed receipt of an event, for the person to keep.

        The keys that it is signed with are at `/.well-known/jwks.json`.
        """
        event = get_object_or_404(ConsentEvent, pk=pk, body__isnull=False)
        return Response(serializers.ReceiptSerializer(services.make_receipt(event.pk)).data)

    @extend_schema(responses=serializers.HeadSerializer)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def head(self, request: Request) -> Response:
        """Return the head of the chain over the ledger, to be kept elsewhere."""
        head, sealed_at = services.head_of_ledger()
        fields = {"number": head.number, "hash": head.hash, "sealed_at": sealed_at}
        return Response(serializers.HeadSerializer(fields).data)

    @extend_schema(
        request=serializers.UnsubscribeLinksSerializer, responses={200: OpenApiTypes.OBJECT}
    )
    @action(detail=False, methods=["post"], url_path="unsubscribe-links")
    def unsubscribe_links(self, request: Request) -> Response:
        """Return for each address a link and the headers of its mail, null for an unknown one.

        The headers are those of RFC 8058: mail programs unsubscribe by one click.
        """
        fields = validated(serializers.UnsubscribeLinksSerializer(data=request.data))
        with problems_from_services("identifiers"):
            links = services.unsubscribe_links(fields["purpose"], fields["identifiers"])
        return Response({"results": [link and _mail_headers(link) for link in links]})


class RequestViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[PrivacyRequest],
):
    """Privacy requests that services pass on for their customers.

    A key sees its own requests, one with privacy:admin sees all.
    """

    scopes = {"GET": Scope.PRIVACY_ACT, "POST": Scope.PRIVACY_ACT}
    refusals = {"create": (409,), "archive": (410,), "confirm_archive": (410,), "lift": (409,)}
    bodiless_actions = ("confirm_archive",)
    queryset = PrivacyRequest.objects.all()
    serializer_class = serializers.RequestSerializer
    filterset_class = RequestFilter
    cursor_ordering = ("-received_at", "-id")

    def get_queryset(self) -> QuerySet[PrivacyRequest]:
        requests = super().get_queryset()
        if Scope.PRIVACY_ADMIN in getattr(self.request.auth, "scopes", ()):
            return requests
        return requests.filter(requested_by=str(actor_of(self.request)))

    @extend_schema(
        request=serializers.NewRequestSerializer, responses={201: serializers.RequestSerializer}
    )
    def create(self, request: Request) -> Response:
        fields = validated(serializers.NewRequestSerializer(data=request.data))
        references = tuple(fields.pop("identifiers"))
        refuse_more(Throttle.PRIVACY_REQUEST, fields["kind"], *sorted(references))
        key = scoped_idempotency_key(request)

        def open_request() -> services.Answer:
            privacy_request = services.open_request(
                services.NewRequest(references=references, idempotency_key=key, **fields),
                door=PrivacyRequest.Door.SERVICE,
                actor=actor_of(request),
            )
            return _created(
                self.get_serializer(privacy_request).data, privacy_request.identifier_ids
            )

        with problems_from_services("identifiers"):
            return answer_once(request, open_request, is_refusal=True)

    @extend_schema(
        request=serializers.LiftedRestrictionSerializer, responses=serializers.RequestSerializer
    )
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """End a restriction: what was kept may be used again. The customer was told before."""
        fields = validated(serializers.LiftedRestrictionSerializer(data=request.data))
        return lifted_response(self.get_object(), request, reason=fields["reason"])

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def archive(self, request: Request, pk: str) -> HttpResponse:
        """Return the archive of a request: up to ten times in some days, until confirmed.

        A download that broke off goes on by a `Range` of bytes.
        """
        return archive_response(self.get_object(), request)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="archive/confirm")
    def confirm_archive(self, request: Request, pk: str) -> Response:
        """Confirm that the archive was received, so that it is deleted."""
        return confirmed_response(self.get_object(), request)


def with_profiles(events: Iterable[ConsentEvent]) -> list[ConsentEvent]:
    """Give events a `profile_uuid`, the public id of the profile they now belong to.

    It is None for events of erased people.
    """
    rows = list(events)
    identifiers = Identifier.objects.filter(pk__in={event.identifier_id for event in rows})
    holders = dict(identifiers.values_list("pk", "profile_id"))
    uuids = dict(Profile.objects.filter(pk__in=set(holders.values())).values_list("pk", "uuid"))
    for event in rows:
        holder = holders.get(event.identifier_id)
        event.profile_uuid = None if holder is None else uuids.get(holder)
    return rows


def answer_once(
    request: Request, work: Callable[[], services.Answer], *, is_refusal: bool
) -> Response:
    """Respond with what the work returns, or with the answer that the key's request had before."""
    key = _idempotency_key(request)
    if key is None:
        answer = work()
    else:
        body = {name: value for name, value in _body(request).items() if name != "idempotency_key"}
        keyed = services.KeyedRequest(
            service=_service(request),
            method=str(request.method),
            path=request.path,
            key=key,
            body=body,
            is_refusal=is_refusal,
        )
        answer = services.answer_once(keyed, work)
    return Response(answer.body, status=answer.status)


def scoped_idempotency_key(request: Request) -> str | None:
    """Return the caller's key with the service and route for which it is one.

    The service, not the API key: a retry may come with the next API key of the same service.
    """
    key = _idempotency_key(request)
    return json.dumps([_service(request), request.path, key]) if key else None


def _idempotency_key(request: Request) -> str | None:
    """Return the idempotency key from the body or else from the header."""
    # The serializer has read the key of the body as a text, too.
    key = _body(request).get("idempotency_key")
    return str(key) if key else request.headers.get("Idempotency-Key")


def _body(request: Request) -> dict[str, Any]:
    # Serializers have refused lists before.
    return cast("dict[str, Any]", request.data)


def _service(request: Request) -> str:
    """Return the name of the service, which all of its API keys have."""
    return cast("ApiKey", request.auth).name


def _mail_headers(link: str) -> dict[str, Any]:
    headers = {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": services.ONE_CLICK}
    return {"url": link, "headers": headers}


def _permits(fields: dict[str, Any]) -> bool:
    is_given: bool = fields["state"] in (State.GIVEN, State.RENEWED)
    is_consent: bool = fields["kind"] == ConsentKind.CONSENT
    return is_given == is_consent


def _created(body: Any, identifier_ids: Iterable[int]) -> services.Answer:
    # As JSON, so that it can be kept: the body of a serializer has times and ids.
    plain = json.loads(JSONRenderer().render(body))
    return services.Answer(status.HTTP_201_CREATED, plain, list(identifier_ids))


def _statement(fields: dict[str, Any], request: Request) -> services.ConsentStatement:
    notice = fields.get("notice")
    return services.ConsentStatement(
        reference=fields.get("identifier") or f"profile:{fields['profile']}",
        purpose=fields.get("purpose"),
        state=fields["state"],
        method=fields["method"],
        kind=fields["kind"],
        actor=fields.get("actor"),
        occurred_at=fields.get("occurred_at"),
        valid_until=fields.get("valid_until"),
        notice_id=notice and notice.pk,
        evidence=fields.get("evidence", {}),
        idempotency_key=scoped_idempotency_key(request),
    )
