"""Serializers of sources and rejected messages."""

from typing import Any, cast

import msgspec
from django.db.models import Field
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ingestion.inbox.body import unpack_message
from ingestion.models import RejectedMessage, SigningSecret, WriteKey
from ingestion.services import MendReport, Operation, Type, Verb
from profiles.api.kit.fields import AnyField
from profiles.models import Party, Source
from profiles.models.sources import KEY_VALIDATOR, ORIGIN_VALIDATOR
from profiles.services import SOURCE_SETTINGS

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
        fields = ("key", *SOURCE_SETTINGS, "created_at", "keys", "signing_secrets")
        read_only_fields = ("key", "created_at")


class SourceChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """Changes of a source."""

    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    party = serializers.ChoiceField(
        choices=Party.choices, required=False, help_text=_help_of("party")
    )
    joins_people = serializers.BooleanField(required=False)
    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=255, validators=[ORIGIN_VALIDATOR]),
        max_length=100,
        required=False,
        help_text=_help_of("allowed_origins"),
    )
    keeps_address = serializers.BooleanField(required=False, help_text=_help_of("keeps_address"))
    session_minutes = serializers.IntegerField(
        min_value=0,
        max_value=1440,
        allow_null=True,
        required=False,
        help_text=_help_of("session_minutes"),
    )


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


class MendSerializer(serializers.Serializer[dict[str, Any]]):
    """The content of a rejected message after mending."""

    body = AnyField(help_text="The whole message, with its `type`.")


class OperationSerializer(serializers.Serializer[Operation]):
    """One rule: `drop`, `rename` to `to`, `cast` to the type `to`, or `set` to `value`."""

    verb = serializers.ChoiceField(choices=[verb.value for verb in Verb])
    path = serializers.CharField(
        max_length=255, help_text="As a fault has it; [*] stands for every item of a list."
    )
    to = serializers.CharField(max_length=255, required=False)
    value = AnyField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require what the verb needs."""
        verb, to = attrs["verb"], attrs.get("to", "")
        types = [type_.value for type_ in Type]
        if verb == Verb.CAST and to not in types:
            raise serializers.ValidationError({"to": f"one of {', '.join(types)}"})
        if verb == Verb.RENAME and not to:
            raise serializers.ValidationError({"to": "the new name"})
        if verb == Verb.SET and "value" not in attrs:
            raise serializers.ValidationError({"value": "the value to set"})
        return attrs


class MendManySerializer(serializers.Serializer[dict[str, Any]]):
    """Which open messages of a source to mend by which rules."""

    # The metaclass takes fields out of the class, so that this one hides no attribute.
    source = serializers.SlugRelatedField(  # type: ignore[assignment]
        slug_field="key", queryset=Source.objects
    )
    code = serializers.CharField(max_length=64)
    path = serializers.CharField(max_length=255, required=False, allow_blank=True)
    type = serializers.CharField(max_length=32, required=False, allow_blank=True)
    operations = serializers.ListField(child=OperationSerializer(), max_length=20)
    send = serializers.BooleanField(
        default=True, help_text="Send what nothing is wrong with any more at once."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would happen.")


class LeftFaultSerializer(serializers.Serializer[dict[str, Any]]):
    """What is still wrong with so many of the messages."""

    code = serializers.CharField()
    path = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class MendReportSerializer(serializers.Serializer[MendReport]):
    """What rules did: how many messages there were, are right now, and were sent."""

    matched = serializers.IntegerField()
    mended = serializers.IntegerField()
    sent = serializers.IntegerField()
    left = serializers.SerializerMethodField()

    @extend_schema_field(LeftFaultSerializer(many=True))
    def get_left(self, report: MendReport) -> list[dict[str, Any]]:
        return [
            {"code": code, "path": path, "count": count}
            for (code, path), count in report.left.most_common()
        ]


class FaultGroupSerializer(serializers.Serializer[dict[str, Any]]):
    """The rejected messages of a source that have one fault; places in lists are `[*]`."""

    # The metaclass takes fields out of the class, so that this one hides no attribute.
    source = serializers.CharField(  # type: ignore[assignment]
        source="source__key"
    )
    code = serializers.CharField()
    path = serializers.CharField(source="fault_path", allow_blank=True)
    open = serializers.IntegerField()
    sent = serializers.IntegerField()
    stored = serializers.IntegerField()
    first_rejected_at = serializers.DateTimeField()
    last_rejected_at = serializers.DateTimeField()


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
            "mended_at",
            "replayed_at",
            "outcome",
        )
        read_only_fields = fields
