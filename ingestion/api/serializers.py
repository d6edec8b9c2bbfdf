"""What the API of sources and rejected messages takes and gives."""

from typing import Any

import msgspec
from rest_framework import serializers

from ingestion.inbox.body import unpack_message
from ingestion.models import RejectedMessage, WriteKey
from profiles.api.serializers import AnyField
from profiles.models import Source
from profiles.models.sources import KEY_VALIDATOR

SECRET_HELP = "The key itself, shown now and never again."


class WriteKeySerializer(serializers.ModelSerializer[WriteKey]):
    """A write key, by its readable beginning."""

    class Meta:
        model = WriteKey
        fields = ("prefix", "kind", "created_at", "revoked_at")
        read_only_fields = ("prefix", "created_at", "revoked_at")


class NewWriteKeySerializer(WriteKeySerializer):
    """A write key that was just made."""

    write_key = serializers.CharField(help_text=SECRET_HELP)

    class Meta(WriteKeySerializer.Meta):
        fields = (*WriteKeySerializer.Meta.fields, "write_key")


class SourceSerializer(serializers.ModelSerializer[Source]):
    """Where facts, traits and events come from."""

    keys = WriteKeySerializer(source="write_keys", many=True, read_only=True)

    class Meta:
        model = Source
        fields = ("key", "name", "priority", "joins_people", "created_at", "keys")
        read_only_fields = ("key", "created_at")


class NewSourceSerializer(serializers.Serializer[dict[str, Any]]):
    """A source to make, with the kind of its first write key."""

    key = serializers.CharField(max_length=63, validators=[KEY_VALIDATOR])
    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    joins_people = serializers.BooleanField(required=False)
    kind = serializers.ChoiceField(choices=WriteKey.Kind.choices)


class SourceChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """What to change of a source."""

    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    joins_people = serializers.BooleanField(required=False)


class MadeSourceSerializer(SourceSerializer):
    """A source that was just made, with its write key."""

    write_key = serializers.CharField(help_text=SECRET_HELP)

    class Meta(SourceSerializer.Meta):
        fields = (*SourceSerializer.Meta.fields, "write_key")


class MessageField(AnyField):
    """A message as it came: its JSON, or its text where it is none."""

    def to_representation(self, value: Any) -> Any:
        raw = unpack_message(value)
        try:
            return msgspec.json.decode(raw)
        except msgspec.MsgspecError:
            return raw.decode(errors="replace")


class RejectedMessageSerializer(serializers.ModelSerializer[RejectedMessage]):
    """A message that could not be taken: why (`code`, `detail`), and where in it the fault lies (`path`)."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    source = serializers.CharField(source="source.key", read_only=True)
    body = MessageField(read_only=True)

    class Meta:
        model = RejectedMessage
        fields = (
            *("id", "source", "message_id", "type", "code", "path", "detail", "body"),
            *("received_at", "rejected_at", "replayed_at"),
        )
        read_only_fields = fields
