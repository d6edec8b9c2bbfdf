"""What the API of profiles takes and gives."""

from decimal import Decimal
from math import isfinite
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from profiles.identity.explain import FactStep, trust_name
from profiles.models import Event, EventName, Merge, TrustLevel
from profiles.traits.explain import Decider, SourceValue, TraitExplanation
from profiles.traits.golden import Policy

MAX_LOOKUP = 1000
MAX_TRAIT_KEY = 255
MAX_DEPTH = 32
STATUSES = [("active", "active"), ("restricted", "restricted (article 18)")]
TRUSTS = [(trust_name(trust), label) for trust, label in TrustLevel.choices]


@extend_schema_field({"type": ["string", "number", "boolean", "object", "array"]})
class AnyField(serializers.JSONField):
    """Any JSON value, null included."""


class IdentifierSerializer(serializers.Serializer[dict[str, Any]]):
    """One name of a person. It was seen on UTC days: the times are their beginnings."""

    namespace = serializers.CharField()
    value = serializers.CharField()
    vouched = serializers.BooleanField(help_text="Given by a source that is trusted.")
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class ListedIdentifierSerializer(IdentifierSerializer):
    """One name of a person, with an opaque id by which `why-merged` can be asked without naming it."""

    id = serializers.UUIDField()


class ProfileConsentSerializer(serializers.Serializer[dict[str, Any]]):
    """How one purpose stands for a person, now."""

    state = serializers.CharField()
    basis = serializers.CharField(help_text="The legal basis of the purpose.")
    objected = serializers.BooleanField()
    permitted = serializers.BooleanField(help_text="Whether the person may be processed for it.")
    valid_until = serializers.DateTimeField(allow_null=True)


class PurposeConsentSerializer(ProfileConsentSerializer):
    """How one purpose stands for a person, and which one."""

    purpose = serializers.CharField(help_text="The key of the purpose.")


class ProfileSerializer(serializers.Serializer[dict[str, Any]]):
    """One customer as far as all sources together know. Of a restricted one only `id` and `status` are shown."""

    id = serializers.UUIDField()
    traits = serializers.DictField(child=AnyField(allow_null=True), required=False)
    identifiers = IdentifierSerializer(many=True, required=False)
    segments = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Keys of segments, sorted."
    )
    consents = serializers.DictField(
        child=ProfileConsentSerializer(), required=False, help_text="By the key of the purpose."
    )
    first_seen_at = serializers.DateTimeField(required=False)
    last_seen_at = serializers.DateTimeField(required=False)
    status = serializers.ChoiceField(choices=STATUSES)


class LookupSerializer(serializers.Serializer[dict[str, Any]]):
    """Whom to look up: `namespace:value`, each in the spelling of any source."""

    identifiers = serializers.ListField(
        child=serializers.RegexField(
            r"^[^:\s]+:[\s\S]*\S",
            max_length=1024,
            error_messages={
                "invalid": "Must look like namespace:value, such as email:ada@example.org."
            },
        ),
        min_length=1,
        max_length=MAX_LOOKUP,
    )


class LookupResultSerializer(serializers.Serializer[dict[str, Any]]):
    """A profile, or null where nobody is known by the identifier, in the order asked."""

    results = serializers.ListField(child=ProfileSerializer(allow_null=True))


@extend_schema_field(OpenApiTypes.NUMBER)
class NumberField(serializers.Field):
    """A decimal as a JSON number."""

    def to_representation(self, value: Decimal) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)


class EventSerializer(serializers.ModelSerializer[Event]):
    """Something that a person did."""

    name = serializers.CharField(source="name.name")
    type = serializers.ChoiceField(source="name.kind", choices=EventName.Kind.choices)
    value = NumberField(
        read_only=True,
        allow_null=True,
        help_text="The property that the event's name fixes, such as revenue.",
    )
    source = serializers.CharField(source="source.key", help_text="The key of the source.")

    class Meta:
        model = Event
        fields = (
            *("id", "name", "type", "timestamp", "received_at"),
            *("value", "properties", "context", "source"),
        )


class SourceValueSerializer(serializers.Serializer[SourceValue]):
    """What one source says of a trait."""

    value = AnyField(allow_null=True)
    source = serializers.CharField()
    trust = serializers.ChoiceField(choices=TRUSTS)
    said_at = serializers.DateTimeField()


class LockSerializer(serializers.Serializer[Any]):
    """A rectification, which stands whatever sources send later."""

    actor = serializers.CharField()
    reason = serializers.CharField()
    locked_at = serializers.DateTimeField()


class TraitSerializer(serializers.Serializer[TraitExplanation]):
    """A golden trait, what settled it, the statement behind it, and the statements that lost, best first.

    `decided_by` is `source` (the winner by the policy), `identifier` (an address or number that the profile holds) or
    `lock` (a rectification).
    """

    key = serializers.CharField()
    value = AnyField(allow_null=True)
    decided_by = serializers.ChoiceField(choices=[str(one) for one in Decider])
    policy = serializers.ChoiceField(choices=[str(one) for one in Policy])
    source = serializers.CharField(source="winner.source", default=None, allow_null=True)
    trust = serializers.ChoiceField(
        source="winner.trust", choices=TRUSTS, default=None, allow_null=True
    )
    said_at = serializers.DateTimeField(source="winner.said_at", default=None, allow_null=True)
    lock = LockSerializer(allow_null=True)
    losers = SourceValueSerializer(many=True)


class RectificationSerializer(serializers.Serializer[dict[str, Any]]):
    """Traits to correct, each to its right value, or to null where there should be none; and why."""

    changes = serializers.DictField(child=AnyField(allow_null=True), allow_empty=False)
    reason = serializers.CharField(max_length=2000)

    def validate_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        for key, value in changes.items():
            if not key.strip() or len(key) > MAX_TRAIT_KEY:
                raise serializers.ValidationError({key[:80]: ["A key has 1 to 255 characters."]})
            if not is_storable([key, value]):
                raise serializers.ValidationError({key: ["Holds what cannot be stored."]})
        return changes


def is_storable(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether it can be kept as it is: no NUL or lone surrogate, no endless number, not nested too deeply."""
    match value:
        case bool() | int() | None:
            return True
        case str():
            return not any(sign == "\x00" or "\ud800" <= sign <= "\udfff" for sign in value)
        case float():
            return isfinite(value)
        case dict():
            return depth > 0 and all(is_storable([*pair], depth - 1) for pair in value.items())
        case list():
            return depth > 0 and all(is_storable(inner, depth - 1) for inner in value)
        case _:
            return False


class MembershipSerializer(serializers.Serializer[dict[str, Any]]):
    """A segment that the person is in."""

    key = serializers.CharField()
    name = serializers.CharField()
    entered_at = serializers.DateTimeField()


class MergeSerializer(serializers.ModelSerializer[Merge]):
    """A profile that was taken up into this one; `absorbed` is the public UUID, which still resolves."""

    absorbed = serializers.UUIDField(source="absorbed_uuid")

    class Meta:
        model = Merge
        fields = ("absorbed", "rule", "actor", "merged_at")


class PairSerializer(serializers.Serializer[dict[str, Any]]):
    """Two identifiers of the profile, as `namespace:value`."""

    a = serializers.CharField(max_length=1024)
    b = serializers.CharField(max_length=1024)


class NamedSerializer(serializers.Serializer[Any]):
    """An identifier by its name alone."""

    namespace = serializers.CharField()
    value = serializers.CharField()


class FactStepSerializer(serializers.Serializer[FactStep]):
    """One fact of a path: the source that named both identifiers together, at which trust, on which day.

    `rule` is `merge` where the fact joined two profiles, `takeover` where it took an identifier over from a claim,
    and `seen together` otherwise.
    """

    a = NamedSerializer(source="origin")
    b = NamedSerializer(source="target")
    source = serializers.CharField()
    trust = serializers.ChoiceField(choices=TRUSTS)
    day = serializers.DateField()
    rule = serializers.CharField()


class PathSerializer(serializers.Serializer[dict[str, Any]]):
    """The shortest path of facts; null where no facts join the two, as for a profile's public UUID."""

    path = FactStepSerializer(many=True, allow_null=True)
