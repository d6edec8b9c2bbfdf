"""The views of sources, their write keys, and rejected messages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT
from rest_framework.viewsets import GenericViewSet

from ingestion.api import filters, serializers
from ingestion.models import RejectedMessage, SigningSecret, WriteKey
from ingestion.services import (
    NotOpen,
    Operation,
    StillFaulty,
    Verb,
    create_signing_secret,
    create_write_key,
    fault_groups,
    mend_message,
    mend_messages,
    register_source,
    replay_message,
    revoke_signing_secret,
    revoke_write_key,
    with_fault_path,
)
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages
from profiles.api.kit.problems import problem, validated
from profiles.lib import exact_json
from profiles.models import Source
from profiles.models.access import Scope
from profiles.services import change_source

# Rejected messages have personal data, and a write key can send anything.
ALL_METHODS = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.PRIVACY_ADMIN)


class AlreadyReplayed(APIException):
    """A message is replayed once, and not mended while it is on its way."""

    status_code = 409
    default_detail = "This message was replayed already."
    default_code = "already_replayed"


class SourceViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Source],
):
    """Sources by key, with their write keys and signing secrets, revoked ones included."""

    scopes = ALL_METHODS
    bodiless_actions = ("revoke_key", "signing_secrets", "revoke_signing_secret")
    queryset = Source.objects.prefetch_related("write_keys", "signing_secrets")
    serializer_class: Any = serializers.SourceSerializer
    filterset_class = filters.SourceFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_converter = "slug"

    @extend_schema(
        request=serializers.NewSourceSerializer,
        responses={HTTP_201_CREATED: serializers.MadeSourceSerializer},
    )
    def create(self, request: Request) -> Response:
        """Create a source and its first write key, whose secret is in this response alone."""
        fields = validated(serializers.NewSourceSerializer(data=request.data))
        kind = WriteKey.Kind(fields.pop("kind"))
        source, secret = register_source(actor=actor_of(request), kind=kind, **fields)
        # The serializer reads it from the source; the model has no such field.
        source.write_key = secret  # type: ignore[attr-defined]
        return Response(serializers.MadeSourceSerializer(source).data, HTTP_201_CREATED)

    @extend_schema(request=serializers.SourceChangesSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        """Change the settings of a source."""
        changes = validated(serializers.SourceChangesSerializer(data=request.data))
        source = change_source(self.get_object(), actor=actor_of(request), **changes)
        return Response(self.get_serializer(source).data)

    @extend_schema(responses={HTTP_201_CREATED: serializers.NewWriteKeySerializer})
    @action(
        detail=True,
        methods=["post"],
        serializer_class=serializers.WriteKeySerializer,
        filterset_class=None,
    )
    def keys(self, request: Request, key: str) -> Response:
        """Create one more write key, whose secret is in this response alone.

        A source can have several, so that one can replace another.
        """
        fields = validated(self.get_serializer(data=request.data))
        write_key, secret = create_write_key(
            self.get_object(), actor=actor_of(request), kind=WriteKey.Kind(fields["kind"])
        )
        # The database sets the time of creation.
        write_key.refresh_from_db()
        # The serializer reads it from the key; the model has no such field.
        write_key.write_key = secret  # type: ignore[attr-defined]
        return Response(serializers.NewWriteKeySerializer(write_key).data, HTTP_201_CREATED)

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    @action(detail=True, methods=["delete"], url_path="keys/<slug:prefix>", queryset=Source.objects)
    def revoke_key(self, request: Request, key: str, prefix: str) -> Response:
        """Revoke a write key, which is refused within a second. Repeating it changes nothing."""
        write_key = get_object_or_404(WriteKey, source__key=key, prefix=prefix)
        revoke_write_key(write_key, actor=actor_of(request))
        return Response(status=HTTP_204_NO_CONTENT)

    @extend_schema(
        request=None, responses={HTTP_201_CREATED: serializers.NewSigningSecretSerializer}
    )
    @action(detail=True, methods=["post"], url_path="signing-secrets", filterset_class=None)
    def signing_secrets(self, request: Request, key: str) -> Response:
        """Create a signing secret, whose text is in this response alone.

        A message of a public key whose `context.identity_signature` is the HMAC-SHA256 of its
        userId by this secret counts as a server's.
        """
        secret, text = create_signing_secret(self.get_object(), actor=actor_of(request))
        # The database sets the time of creation.
        secret.refresh_from_db()
        # The serializer reads it from the secret; the model has no such field.
        secret.secret = text  # type: ignore[attr-defined]
        return Response(serializers.NewSigningSecretSerializer(secret).data, HTTP_201_CREATED)

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    @action(
        detail=True,
        methods=["delete"],
        url_path="signing-secrets/<slug:prefix>",
        queryset=Source.objects,
    )
    def revoke_signing_secret(self, request: Request, key: str, prefix: str) -> Response:
        """Revoke a signing secret. Repeating it changes nothing."""
        secret = get_object_or_404(SigningSecret, source__key=key, prefix=prefix)
        revoke_signing_secret(secret, actor=actor_of(request))
        return Response(status=HTTP_204_NO_CONTENT)


class RejectedMessageViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[RejectedMessage],
):
    """Rejected messages, the latest first, each with the reason and its content."""

    scopes = ALL_METHODS
    bodiless_actions = ("replay",)
    refusals = {"replay": (409,), "partial_update": (409,)}
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    filterset_class = filters.RejectedMessageFilter
    cursor_ordering = ("-id",)
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @extend_schema(request=serializers.MendSerializer)
    def partial_update(self, request: Request, uuid: str) -> Response:
        """Replace the content of a message by one that nothing is wrong with.

        400 with the path of a fault that is left; 409 if the message was replayed.
        """
        fields = validated(serializers.MendSerializer(data=request.data))
        rejected = self.get_object()
        try:
            mend_message(rejected, exact_json.dump_bytes(fields["body"]), actor=actor_of(request))
        except StillFaulty as error:
            fault = error.rejection
            raise problem(f"body.{fault.path}".rstrip("."), fault.code, fault.detail) from None
        except NotOpen:
            raise AlreadyReplayed from None
        rejected.refresh_from_db()
        return Response(self.get_serializer(rejected).data)

    @extend_schema(responses=serializers.FaultGroupSerializer(many=True))
    @action(
        detail=False,
        filterset_class=filters.FaultGroupFilter,
        serializer_class=serializers.FaultGroupSerializer,
        cursor_ordering=("source__key", "code", "fault_path"),
    )
    def faults(self, request: Request) -> Response:
        """List what is wrong with the messages of each source, and with how many."""
        return self.page_of_rows(fault_groups())

    @extend_schema(
        request=serializers.MendManySerializer,
        responses={200: serializers.MendReportSerializer},
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def mend(self, request: Request) -> Response:
        """Mend up to 10,000 open messages that have one fault, by rules, and send them again.

        A message is kept and sent only if nothing is wrong with it any more.
        """
        fields = validated(serializers.MendManySerializer(data=request.data))
        wanted = {"fault_path": fields["path"]} if "path" in fields else {}
        wanted |= {name: fields[name] for name in ("source", "code", "type") if name in fields}
        report = mend_messages(
            with_fault_path(self.get_queryset()).filter(**wanted),
            [
                Operation(Verb(each["verb"]), each["path"], each.get("to", ""), each.get("value"))
                for each in fields["operations"]
            ],
            actor=actor_of(request),
            is_sent=fields["send"],
            is_trial=fields["dry_run"],
        )
        return Response(serializers.MendReportSerializer(report).data)

    @extend_schema(
        request=None, responses={HTTP_202_ACCEPTED: serializers.RejectedMessageSerializer}
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def replay(self, request: Request, uuid: str) -> Response:
        """Send the message through the inbox again. 409 if it was replayed before."""
        rejected = self.get_object()
        if not replay_message(rejected, actor=actor_of(request)):
            raise AlreadyReplayed
        rejected.refresh_from_db()
        return Response(self.get_serializer(rejected).data, HTTP_202_ACCEPTED)
