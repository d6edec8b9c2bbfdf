"""The views of sources, their write keys, and rejected messages."""

from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from ingestion.api import filters, serializers
from ingestion.models import RejectedMessage, WriteKey
from ingestion.services import create_write_key, replay_message, revoke_write_key
from profiles.api.kit.access import ScopedView
from profiles.models import Source
from profiles.models.access import Scope
from profiles.services import change_source, create_source

# Rejected messages have personal data, and a write key can send anything.
ALL_METHODS = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.PRIVACY_ADMIN)


class AlreadyReplayed(APIException):
    """A message is replayed once. A second replay would be a second message."""

    status_code = 409
    default_detail = "This message was replayed already."
    default_code = "already_replayed"


class SourceList(ScopedView, ListAPIView[Source]):
    """Sources, by key."""

    scopes = ALL_METHODS
    queryset = Source.objects.prefetch_related("write_keys")
    serializer_class = serializers.SourceSerializer
    filterset_class = filters.SourceFilter
    cursor_ordering = ("key",)

    @extend_schema(
        request=serializers.NewSourceSerializer,
        responses={HTTP_201_CREATED: serializers.MadeSourceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a source and its first write key, whose secret is in this response alone."""
        serializer = serializers.NewSourceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        validated: dict[str, Any] = serializer.validated_data
        with transaction.atomic():
            source = create_source(validated.pop("key"))
            kind = WriteKey.Kind(validated.pop("kind"))
            change_source(source, **validated)
            # The serializer reads it from the source; the model has no such field.
            source.write_key = create_write_key(source, kind=kind)[1]  # type: ignore[attr-defined]
        return Response(serializers.MadeSourceSerializer(source).data, HTTP_201_CREATED)


class SourceDetail(ScopedView, GenericAPIView[Source]):
    """One source with its write keys, revoked ones included."""

    scopes = ALL_METHODS
    queryset = Source.objects.all()
    serializer_class = serializers.SourceSerializer
    lookup_field = "key"

    def get(self, request: Request, key: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=serializers.SourceChangesSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change the name, the priority, or whether claims of its public keys join people."""
        serializer = serializers.SourceChangesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        source = change_source(self.get_object(), **serializer.validated_data)
        return Response(self.get_serializer(source).data)


class SourceKeys(ScopedView, GenericAPIView[WriteKey]):
    """The write keys of a source. It can have several, so that one can replace another."""

    scopes = ALL_METHODS
    serializer_class = serializers.WriteKeySerializer

    @extend_schema(responses={HTTP_201_CREATED: serializers.NewWriteKeySerializer})
    def post(self, request: Request, key: str) -> Response:
        """Create one more write key, whose secret is in this response alone."""
        source = get_object_or_404(Source, key=key)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        kind = WriteKey.Kind(serializer.validated_data["kind"])
        write_key, secret = create_write_key(source, kind=kind)
        # The database sets the time of creation.
        write_key.refresh_from_db()
        # The serializer reads it from the key; the model has no such field.
        write_key.write_key = secret  # type: ignore[attr-defined]
        return Response(serializers.NewWriteKeySerializer(write_key).data, HTTP_201_CREATED)


class SourceKey(ScopedView, GenericAPIView[WriteKey]):
    """One write key."""

    scopes = ALL_METHODS
    serializer_class = serializers.WriteKeySerializer

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    def delete(self, request: Request, key: str, prefix: str) -> Response:
        """Revoke a write key, which is refused within a second. Repeating it changes nothing."""
        revoke_write_key(get_object_or_404(WriteKey, source__key=key, prefix=prefix))
        return Response(status=HTTP_204_NO_CONTENT)


class RejectedMessageList(ScopedView, ListAPIView[RejectedMessage]):
    """Rejected messages, the latest first, each with the reason and its content."""

    scopes = ALL_METHODS
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    filterset_class = filters.RejectedMessageFilter
    cursor_ordering = ("-id",)


class RejectedMessageDetail(ScopedView, GenericAPIView[RejectedMessage]):
    """One rejected message."""

    scopes = ALL_METHODS
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    lookup_field = "uuid"

    def get(self, request: Request, uuid: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


class RejectedMessageReplay(ScopedView, GenericAPIView[RejectedMessage]):
    """Replays of a rejected message."""

    scopes = ALL_METHODS
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    lookup_field = "uuid"

    @extend_schema(
        request=None, responses={HTTP_202_ACCEPTED: serializers.RejectedMessageSerializer}
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Send the message through the inbox again. 409 if it was replayed before."""
        rejected = self.get_object()
        if not replay_message(rejected):
            raise AlreadyReplayed
        rejected.refresh_from_db()
        return Response(self.get_serializer(rejected).data, HTTP_202_ACCEPTED)
