"""The API of sources, their write keys, and the messages that could not be taken."""

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

EVERYTHING = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.PRIVACY_ADMIN)


class AlreadyReplayed(APIException):
    """A message is replayed once: a second time would be a second message."""

    status_code = 409
    default_detail = "This message was replayed already."
    default_code = "already_replayed"


class SourceList(ScopedView, ListAPIView[Source]):
    """Sources, by key."""

    scopes = EVERYTHING
    queryset = Source.objects.prefetch_related("write_keys")
    serializer_class = serializers.SourceSerializer
    filterset_class = filters.SourceFilter
    cursor_ordering = ("key",)

    @extend_schema(
        request=serializers.NewSourceSerializer,
        responses={HTTP_201_CREATED: serializers.MadeSourceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a source and its first write key, which is shown in this answer alone."""
        asked = serializers.NewSourceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given: dict[str, Any] = asked.validated_data
        with transaction.atomic():
            source = create_source(given.pop("key"))
            kind = WriteKey.Kind(given.pop("kind"))
            change_source(source, **given)
            source.write_key = create_write_key(source, kind=kind)[1]  # type: ignore[attr-defined]
        return Response(serializers.MadeSourceSerializer(source).data, HTTP_201_CREATED)


class SourceDetail(ScopedView, GenericAPIView[Source]):
    """One source with its write keys, revoked ones included."""

    scopes = EVERYTHING
    queryset = Source.objects.all()
    serializer_class = serializers.SourceSerializer
    lookup_field = "key"

    def get(self, request: Request, key: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=serializers.SourceChangesSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change the name, the priority among sources, or whether claims of its public keys join people."""
        asked = serializers.SourceChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        source = change_source(self.get_object(), **asked.validated_data)
        return Response(self.get_serializer(source).data)


class SourceKeys(ScopedView, GenericAPIView[WriteKey]):
    """Write keys of a source. Two may live at once, so that one can be changed for the other."""

    scopes = EVERYTHING
    serializer_class = serializers.WriteKeySerializer

    @extend_schema(responses={HTTP_201_CREATED: serializers.NewWriteKeySerializer})
    def post(self, request: Request, key: str) -> Response:
        """Make a further write key, which is shown in this answer alone."""
        source = get_object_or_404(Source, key=key)
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made, secret = create_write_key(source, kind=WriteKey.Kind(asked.validated_data["kind"]))
        made.refresh_from_db()
        made.write_key = secret  # type: ignore[attr-defined]
        return Response(serializers.NewWriteKeySerializer(made).data, HTTP_201_CREATED)


class SourceKey(ScopedView, GenericAPIView[WriteKey]):
    """One write key."""

    scopes = EVERYTHING
    serializer_class = serializers.WriteKeySerializer

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    def delete(self, request: Request, key: str, prefix: str) -> Response:
        """Revoke a write key: within a second nothing is taken by it any more. Doing it again changes nothing."""
        revoke_write_key(get_object_or_404(WriteKey, source__key=key, prefix=prefix))
        return Response(status=HTTP_204_NO_CONTENT)


class RejectedMessageList(ScopedView, ListAPIView[RejectedMessage]):
    """Messages that could not be taken, the latest first, each with its reason and as it came."""

    scopes = EVERYTHING
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    filterset_class = filters.RejectedMessageFilter
    cursor_ordering = ("-id",)


class RejectedMessageDetail(ScopedView, GenericAPIView[RejectedMessage]):
    """One message that could not be taken."""

    scopes = EVERYTHING
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    lookup_field = "uuid"

    def get(self, request: Request, uuid: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


class RejectedMessageReplay(ScopedView, GenericAPIView[RejectedMessage]):
    """Sends a rejected message through the inbox again."""

    scopes = EVERYTHING
    queryset = RejectedMessage.objects.select_related("source")
    serializer_class = serializers.RejectedMessageSerializer
    lookup_field = "uuid"

    @extend_schema(
        request=None, responses={HTTP_202_ACCEPTED: serializers.RejectedMessageSerializer}
    )
    def post(self, request: Request, uuid: str) -> Response:
        """Have the message tried again, after what it lacked was mended. 409 where that was done before."""
        rejected = self.get_object()
        if not replay_message(rejected):
            raise AlreadyReplayed
        rejected.refresh_from_db()
        return Response(self.get_serializer(rejected).data, HTTP_202_ACCEPTED)
