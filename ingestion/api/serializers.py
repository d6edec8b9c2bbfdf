"""Serializers of sources and rejected messages."""

from typing import Any, cast

import msgspec
from django.db.models import Field
from rest_framework import serializers

from ingestion.inbox.body import unpack_message
from ingestion.models import RejectedMessage, SigningSecret, WriteKey
from profiles.api.kit.fields import AnyField
from profiles.models import Source
from profiles.models.sources import KEY_VALIDATOR, ORIGIN_VALIDATOR

SETTINGS = ("name", "priority", "joins_people", "allowed_origins", "keeps_address")
SECRET_HELP = "The key itself, shown now and never again."


def _help_of(setting: str) -> str:
    return str(cast("Field[Any, Any]", Source._meta.get_field(setting)).help_text)


class WriteKeySerializer(serializers.ModelSerializer[WriteKey]):
    """A write key, named by its prefix."""

    class Meta:
        model = WriteKey
        fields = ("prefix", "kind", "created_at", "revoked_at")
        read_only_fields = ("prefix", "created_at", "revoked_at")


class NewWriteKeySerializer(WriteKeySerializer):
    """A new write key, with its secret."""

    write_key = serializers.CharField(help_text=SECRET_HELP)

    class Meta:
        model = WriteKey
        fields = (*WriteKeySerializer.Meta.fields, "write_key")
        read_only_fields = WriteKeySerializer.Meta.read_only_fields


class SigningSecretSerializer(serializers.ModelSerializer[SigningSecret]):
    """A signing secret, named by its prefix."""

    class Meta:
        model = SigningSecret
        fields = ("prefix", "created_at", "revoked_at")
        read_only_fields = fields


class NewSigningSecretSerializer(SigningSecretSerializer):
    """A new signing secret."""

    secret = serializers.CharField(help_text="The secret itself, shown now and never again.")

    class Meta:
        model = SigningSecret
        fields = (*SigningSecretSerializer.Meta.fields, "secret")
        read_only_fields = SigningSecretSerializer.Meta.read_only_fields


class SourceSerializer(serializers.ModelSerializer[Source]):
    """A source of facts, traits and events, with its write keys and signing secrets."""

    keys = WriteKeySerializer(source="write_keys", many=True, read_only=True)
    signing_secrets = SigningSecretSerializer(many=True, read_only=True)

    class Meta:
        model = Source
        fields = ("key", *SETTINGS, "created_at", "keys", "signing_secrets")
        read_only_fields = ("key", "created_at")


class SourceChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """Changes of a source."""

    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    joins_people = serializers.BooleanField(required=False)
    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=255, validators=[ORIGIN_VALIDATOR]),
        max_length=100,
        required=False,
        help_text=_help_of("allowed_origins"),
    )
    keeps_address = serializers.BooleanField(required=False, help_text=_help_of("keeps_address"))


class NewSourceSerializer(SourceChangesSerializer):
    """A source to create, with the kind of its first write key."""

    key = serializers.CharField(max_length=63, validators=[KEY_VALIDATOR])
    kind = serializers.ChoiceField(choices=WriteKey.Kind.choices)


class MadeSourceSerializer(SourceSerializer):
    """A new source, with the secret of its write key."""

    write_key = serializers.CharField(help_text=SECRET_HELP)

    class Meta:
        model = Source
        fields = (*SourceSerializer.Meta.fields, "write_key")
        read_only_fields = SourceSerializer.Meta.read_only_fields


class MessageField(AnyField):
    """A message as it was sent: its JSON, or its text if it is not JSON."""

    def to_representation(self, value: Any) -> Any:
        raw = unpack_message(value)
        try:
            return msgspec.json.decode(raw)
        except msgspec.MsgspecError:
            return raw.decode(errors="replace")


class RejectedMessageSerializer(serializers.ModelSerializer[RejectedMessage]):
    """A rejected message, with the reason (`code`, `detail`) and the `path` of the fault in it."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="source.key", read_only=True
    )
    body = MessageField(read_only=True)

    class Meta:
        model = RejectedMessage
        fields = (
            "id",
            "source",
            "message_id",
            "type",
            "code",
            "path",
            "detail",
            "body",
            "received_at",
            "rejected_at",
            "replayed_at",
        )
        read_only_fields = fields
