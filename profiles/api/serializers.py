"""Serializers of the profiles API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from profiles import reads
from profiles.api.kit.fields import AnyField, NumberField
from profiles.api.kit.references import ReferencesField
from profiles.corrections.judgement import MAX_KEY, InvalidCorrection, checked_corrections
from profiles.households import Reason
from profiles.identity.explain import FactStep
from profiles.models import (
    ActorKind,
    AuditEntry,
    Event,
    EventName,
    Identifier,
    Merge,
    Party,
    TrustLevel,
)
from profiles.traits.explain import Decider, SourceValue, TraitExplanation
from profiles.traits.golden import Policy

STATUSES = [("active", "active"), ("restricted", "restricted (article 18)")]
TRUSTS = [(trust.api_name, trust.label) for trust in TrustLevel]


class IdentifierSerializer(serializers.Serializer[dict[str, Any]]):
    """An identifier of a profile. The times are the beginnings of UTC days."""

    namespace = serializers.CharField()
    value = serializers.CharField()
    vouched = serializers.BooleanField(help_text="Given by a source that is trusted.")
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class ListedIdentifierSerializer(IdentifierSerializer):
    """An identifier, with an opaque id that `why-merged` takes in place of the value."""

    id = serializers.UUIDField()


class ProfileConsentSerializer(serializers.Serializer[dict[str, Any]]):
    """The current consent state of a profile for one purpose."""

    state = serializers.CharField()
    basis = serializers.CharField(help_text="The legal basis of the purpose.")
    objected = serializers.BooleanField()
    permitted = serializers.BooleanField(help_text="Whether the person may be processed for it.")
    valid_until = serializers.DateTimeField(allow_null=True)


class PurposeConsentSerializer(ProfileConsentSerializer):
    """The current consent state of a profile, with the purpose."""

    purpose = serializers.CharField(help_text="The key of the purpose.")


class ProfileSerializer(serializers.Serializer[dict[str, Any]]):
    """One customer, as far as all sources together know.

    A restricted profile has only `id` and `status`.
    """

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
    """The identifiers to look up, as `namespace:value` in the spelling of any source.

    `purpose` is that for which they are looked up.
    """

    identifiers = ReferencesField()
    purpose = serializers.SlugField(max_length=63, required=False)


@extend_schema_field(
    {
        "type": "array",
        "items": {"oneOf": [{"$ref": "#/components/schemas/Profile"}, {"type": "null"}]},
    }
)
class FoundProfilesField(serializers.ListField):
    """Profiles, or null where there is none, which drf-spectacular does not see by itself."""

    child = ProfileSerializer(allow_null=True)


class LookupResultSerializer(serializers.Serializer[dict[str, Any]]):
    """A profile, or null if it is unknown, for each identifier of the request in its order."""

    results = FoundProfilesField()


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event of a profile."""

    name = serializers.CharField(source="name.name")
    type = serializers.ChoiceField(source="name.kind", choices=EventName.Kind.choices)
    value = NumberField(
        read_only=True,
        allow_null=True,
        help_text="The property that the event's name fixes, such as revenue.",
    )
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="source.key", help_text="The key of the source."
    )

    class Meta:
        model = Event
        fields = (
            "id",
            "name",
            "type",
            "timestamp",
            "received_at",
            "value",
            "properties",
            "context",
            "source",
        )


class SourceValueSerializer(serializers.Serializer[SourceValue]):
    """One source's statement of a trait."""

    value = AnyField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute of Field
    trust = serializers.ChoiceField(choices=TRUSTS)
    party = serializers.ChoiceField(choices=Party.values)
    said_at = serializers.DateTimeField()


class LockSerializer(serializers.Serializer[Any]):
    """A rectification, which stands whatever sources send later."""

    actor = serializers.CharField()
    reason = serializers.CharField()
    locked_at = serializers.DateTimeField()


class RelativeSerializer(serializers.Serializer[Any]):
    """Somebody else of a household: `related` by a verdict, at the same `address`, or both."""

    profile = serializers.UUIDField(source="profile.uuid")
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=[str(reason) for reason in Reason])
    )


class TraitSerializer(serializers.Serializer[TraitExplanation]):
    """A golden trait, the statement behind it, and the statements that lost, best first.

    `decided_by` is `source` (the statement that wins by the policy), `identifier` (an e-mail
    address or telephone number of the profile), `lock` (a rectification) or `computed` (from
    the events of the profile).
    """

    key = serializers.CharField()
    value = AnyField(allow_null=True)
    decided_by = serializers.ChoiceField(choices=[str(decider) for decider in Decider])
    policy = serializers.ChoiceField(choices=[str(policy) for policy in Policy])
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="winner.source", default=None, allow_null=True
    )
    trust = serializers.ChoiceField(
        source="winner.trust", choices=TRUSTS, default=None, allow_null=True
    )
    party = serializers.ChoiceField(
        source="winner.party", choices=Party.values, default=None, allow_null=True
    )
    said_at = serializers.DateTimeField(source="winner.said_at", default=None, allow_null=True)
    lock = LockSerializer(allow_null=True)
    losers = SourceValueSerializer(many=True)


class RectificationSerializer(serializers.Serializer[dict[str, Any]]):
    """Corrections of traits, with the reason. A value of null empties the trait."""

    changes = serializers.DictField(child=AnyField(allow_null=True), allow_empty=False)
    reason = serializers.CharField(max_length=2000)

    def validate_changes(self, changes: dict[str, Any]) -> dict[str, Any]:
        try:
            return checked_corrections(changes)
        except InvalidCorrection as error:
            raise serializers.ValidationError({error.key: [str(error)]}) from None


class UnlockingSerializer(serializers.Serializer[dict[str, Any]]):
    """Traits whose corrections are taken back, with the reason."""

    traits = serializers.ListField(
        child=serializers.CharField(max_length=MAX_KEY), allow_empty=False, max_length=100
    )
    reason = serializers.CharField(max_length=2000)


class MembershipSerializer(serializers.Serializer[dict[str, Any]]):
    """A segment that the profile is a member of."""

    key = serializers.CharField()
    name = serializers.CharField()
    entered_at = serializers.DateTimeField()


class MergeSerializer(serializers.ModelSerializer[Merge]):
    """A merge into this profile. `absorbed` is the other profile's UUID, which still resolves."""

    absorbed = serializers.UUIDField(source="absorbed_uuid")

    class Meta:
        model = Merge
        fields = ("absorbed", "rule", "actor", "merged_at")


class PairSerializer(serializers.Serializer[dict[str, Any]]):
    """Two identifiers of the profile, as `namespace:value`."""

    a = serializers.CharField(max_length=1024)
    b = serializers.CharField(max_length=1024)


class IdentifierReferenceSerializer(serializers.Serializer[Any]):
    """An identifier by namespace and value alone."""

    namespace = serializers.CharField()
    value = serializers.CharField()


class FactStepSerializer(serializers.Serializer[FactStep]):
    """One fact of a path: the source that named both identifiers, the trust and the day.

    `rule` is `merge` if the fact joined two profiles, `takeover` if it took an identifier over from
    a claim, and `seen together` otherwise.
    """

    a = IdentifierReferenceSerializer(source="origin")
    b = IdentifierReferenceSerializer(source="target")
    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute of Field
    trust = serializers.ChoiceField(choices=TRUSTS)
    day = serializers.DateField()
    rule = serializers.CharField()


class PathSerializer(serializers.Serializer[dict[str, Any]]):
    """The shortest path of facts, or null if no facts connect the two identifiers.

    That is so for a profile's public UUID, which no source sends.
    """

    path = FactStepSerializer(many=True, allow_null=True)


class QuarantineSerializer(serializers.ModelSerializer[Identifier]):
    """An identifier that too many people wanted. `profile` is the profile of its own, or null."""

    id = serializers.SerializerMethodField()
    profile = serializers.UUIDField(source="profile.uuid", default=None, allow_null=True)
    vouched = serializers.BooleanField(source="is_vouched")

    class Meta:
        model = Identifier
        fields = ("id", "namespace", "value", "vouched", "profile", "quarantined_at")

    @extend_schema_field(OpenApiTypes.UUID)
    def get_id(self, identifier: Identifier) -> str:
        return str(reads.public_id(identifier))


class ReleaseSerializer(serializers.Serializer[dict[str, Any]]):
    """Why an identifier names one person after all."""

    reason = serializers.CharField(max_length=2000)


class ActorSerializer(serializers.Serializer[Any]):
    """Who acted: the login of staff, the prefix of a service's key, or the name of a program."""

    kind = serializers.ChoiceField(choices=ActorKind.choices)
    id = serializers.CharField()


class AuditObjectSerializer(serializers.Serializer[Any]):
    """What was changed. The key of a profile is its id, until it is erased."""

    type = serializers.CharField()
    key = serializers.CharField()


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One change. `changes` maps what changed to what it was and what it is."""

    actor = ActorSerializer()
    object = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "actor", "verb", "object", "changes", "reason")

    @extend_schema_field(AuditObjectSerializer)
    def get_object(self, entry: AuditEntry) -> dict[str, str]:
        key = entry.object_key or (entry.body.object_key if hasattr(entry, "body") else "")
        return {"type": entry.object_type, "key": key}

    def get_reason(self, entry: AuditEntry) -> str:
        return entry.body.reason if hasattr(entry, "body") else ""
