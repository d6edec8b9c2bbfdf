"""Shapes of verdicts on identifiers, and of why two are one person's or not."""

from typing import Any

from rest_framework import serializers

from profiles.api.serializers import (
    TRUSTS,
    FactStepSerializer,
    IdentifierReferenceSerializer,
    ProfileSerializer,
)
from profiles.identity.comparison import Comparison, Refusal, RefusedFact
from profiles.models import DecisionVerdict, IdentityDecision


class NewDecisionSerializer(serializers.Serializer[dict[str, Any]]):
    """A verdict on two identifiers, given as `namespace:value`.

    `survivor` is the public id that the one profile keeps; without it, that of the older one stays.
    With `dry_run` nothing is written.
    """

    verdict = serializers.ChoiceField(choices=DecisionVerdict.choices)
    one = serializers.CharField(max_length=1024)
    other = serializers.CharField(max_length=1024)
    reason = serializers.CharField(max_length=2000)
    survivor = serializers.UUIDField(required=False, allow_null=True)
    dry_run = serializers.BooleanField(default=False)


class AffectedProfileSerializer(ProfileSerializer):
    """A profile as it is after a decision, with the number of its events."""

    events = serializers.IntegerField(required=False)


class EffectsSerializer(serializers.Serializer[Any]):
    """Whom a decision concerns, as they are once it holds.

    Segments follow within seconds: they are those of now.
    """

    profiles = AffectedProfileSerializer(many=True)


class IdentityDecisionSerializer(serializers.ModelSerializer[IdentityDecision]):
    """A verdict. `ended_at` is when it was undone, or when another on the pair took its place."""

    id = serializers.UUIDField(source="uuid")
    one = IdentifierReferenceSerializer()
    other = IdentifierReferenceSerializer()
    actor = serializers.SerializerMethodField()

    class Meta:
        model = IdentityDecision
        fields: tuple[str, ...] = (
            "id",
            "verdict",
            "one",
            "other",
            "survivor",
            "reason",
            "actor",
            "decided_at",
            "ended_at",
        )

    def get_actor(self, decision: IdentityDecision) -> str:
        return decision.actor.partition(":")[0]


class IdentityDecidedSerializer(IdentityDecisionSerializer):
    """A verdict that was just given, with its effects."""

    effects = EffectsSerializer()

    class Meta(IdentityDecisionSerializer.Meta):
        fields: tuple[str, ...] = (*IdentityDecisionSerializer.Meta.fields, "effects")


class DecisionPairSerializer(serializers.Serializer[dict[str, Any]]):
    """Two identifiers as `namespace:value`."""

    one = serializers.CharField(max_length=1024)
    other = serializers.CharField(max_length=1024)


class RefusedFactSerializer(serializers.Serializer[RefusedFact]):
    """A fact that lost an identifier to a rule: who told it, when, and what it named."""

    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute of Field
    trust = serializers.ChoiceField(choices=TRUSTS)
    day = serializers.DateField()
    identifiers = IdentifierReferenceSerializer(many=True)


class IdentityRefusalSerializer(serializers.Serializer[Refusal]):
    """Why two profiles are not one, and what it would take."""

    rule = serializers.CharField()
    fact = RefusedFactSerializer(allow_null=True)
    detail = serializers.CharField()
    needed = serializers.CharField()


class PairComparisonSerializer(serializers.Serializer[Comparison]):
    """Two identifiers beside each other.

    `path` connects them if they are one person's. `shared` are the identifiers that facts name
    together with both profiles, and `refusals` say why none of it made them one.
    """

    merged = serializers.BooleanField(source="is_merged")
    path = FactStepSerializer(many=True)
    shared = IdentifierReferenceSerializer(many=True)
    refusals = IdentityRefusalSerializer(many=True)
    sentence = serializers.CharField()
