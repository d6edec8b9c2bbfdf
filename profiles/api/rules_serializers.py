"""Shapes of the rules of identity, of what others would do, and of their application."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from profiles.api.serializers import ActorSerializer
from profiles.identity.ruleset.four_ways import Change
from profiles.identity.ruleset.plan import MOST_VALUES, Cluster, RulesPlan, Swept
from profiles.models import RulesApplication
from profiles.services import public_actors


class LimitSerializer(serializers.Serializer[Any]):
    """At most `count` values gained within `days` days; null means ever."""

    count = serializers.IntegerField(min_value=1)
    days = serializers.IntegerField(min_value=1, allow_null=True)


class NamespaceRuleSerializer(serializers.Serializer[Any]):
    """The rule of one namespace. A null `limit` means any number of values.

    A profile has one value at most of a `unique` namespace. Any claim may attach values of a `weak`
    one.
    """

    namespace = serializers.CharField()
    priority = serializers.IntegerField()
    limit = LimitSerializer(allow_null=True)
    unique = serializers.BooleanField(required=False)
    weak = serializers.BooleanField(required=False)
    spelling = serializers.ChoiceField(
        choices=["none", "lower", "email", "phone"], required=False, allow_null=True
    )
    blocked_values = serializers.ListField(child=serializers.CharField(), required=False)


class CapsSerializer(serializers.Serializer[Any]):
    """By how many an identifier may be wanted before it names nobody."""

    daily = serializers.IntegerField(min_value=1)
    total = serializers.IntegerField(min_value=1)


@extend_schema_serializer(many=False)
class IdentityRulesSerializer(serializers.Serializer[Any]):
    """All rules, as the file that is exported and imported."""

    namespaces = NamespaceRuleSerializer(many=True)
    caps = CapsSerializer(required=False)
    joining_sources = serializers.ListField(child=serializers.CharField(), required=False)


@extend_schema_field(IdentityRulesSerializer)
class RulesField(serializers.JSONField):
    """Rules of a body, which `parse_document` checks."""


class SweepSerializer(serializers.Serializer[Any]):
    """A number of the rules, such as `email.limit.count` or `caps.total`, and values to try."""

    path = serializers.CharField(max_length=120)
    values = serializers.ListField(
        child=serializers.IntegerField(), min_length=1, max_length=MOST_VALUES
    )


class RulesToPlanSerializer(serializers.Serializer[Any]):
    """Rules to try on all that happened, and a number of theirs to vary."""

    rules = RulesField()
    sweep = SweepSerializer(required=False)


class RulesToApplySerializer(serializers.Serializer[Any]):
    """Rules that shall stand from the start, and why."""

    rules = RulesField()
    reason = serializers.CharField(max_length=2000)


class BeforeAfterSerializer(serializers.Serializer[Any]):
    """A number as it is, and as it would be."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()


class FourWaySerializer(serializers.Serializer[Any]):
    """People by what becomes of them; overlapping are those parted and joined at once."""

    unchanged = BeforeAfterSerializer()
    merged = BeforeAfterSerializer()
    parted = BeforeAfterSerializer()
    overlapping = BeforeAfterSerializer()


class ClusterSerializer(serializers.Serializer[Cluster]):
    """One of the largest people under the rules, and the ids of up to ten of its profiles."""

    identifiers = serializers.IntegerField()
    profiles = serializers.ListField(child=serializers.UUIDField())


class AffectedRowsSerializer(serializers.Serializer[Any]):
    """Rows of the first `profiles` people who change."""

    profiles = serializers.IntegerField()
    events = serializers.IntegerField()
    consents = serializers.IntegerField()
    memberships = serializers.IntegerField()


class SweptSerializer(serializers.Serializer[Swept]):
    """People with one value of the number that is varied."""

    value = serializers.IntegerField()
    profiles = serializers.IntegerField()
    merged = serializers.IntegerField()
    parted = serializers.IntegerField()
    overlapping = serializers.IntegerField()
    largest = serializers.IntegerField()

    def to_representation(self, swept: Swept) -> dict[str, Any]:
        plan = swept.plan
        changes = {
            str(change): plan.table.before[change] for change in Change if change != "unchanged"
        }
        largest = plan.largest[0].identifiers if plan.largest else 0
        return {
            "value": swept.value,
            "profiles": plan.profiles_after,
            **changes,
            "largest": largest,
        }


class RulesPlanSerializer(serializers.Serializer[RulesPlan]):
    """What rules would have made of all people, had they stood from the start.

    Unless `exact`, the figures are of a sample of `share` of the people, and `interval` says how
    many people would change in the whole store. `notes` say what no plan can know.
    """

    exact = serializers.BooleanField()
    share = serializers.FloatField()
    facts = serializers.IntegerField()
    profiles = BeforeAfterSerializer()
    table = FourWaySerializer()
    changing = serializers.IntegerField()
    interval = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    quarantined = BeforeAfterSerializer()
    blocked = serializers.IntegerField()
    largest = ClusterSerializer(many=True)
    affected = AffectedRowsSerializer()
    notes = serializers.ListField(child=serializers.CharField())
    sweep = SweptSerializer(many=True, required=False)

    def to_representation(self, plan: RulesPlan) -> dict[str, Any]:
        table = plan.table
        return {
            "exact": plan.is_exact,
            "share": plan.share,
            "facts": plan.facts,
            "profiles": {"before": plan.profiles_before, "after": plan.profiles_after},
            "table": {
                str(change): {"before": table.before[change], "after": table.after[change]}
                for change in Change
            },
            "changing": plan.changing,
            "interval": list(plan.changing_interval),
            "quarantined": {"before": plan.quarantined_before, "after": plan.quarantined_after},
            "blocked": plan.blocked,
            "largest": [ClusterSerializer(cluster).data for cluster in plan.largest],
            "affected": {"profiles": plan.counted, **plan.affected},
            "notes": plan.notes,
        }


class RulesApplicationSerializer(serializers.ModelSerializer[RulesApplication]):
    """How far all facts are judged again. `progress` is from 0 to 1, `moved` counts identifiers."""

    id = serializers.UUIDField(source="uuid")
    progress = serializers.FloatField()
    actor = serializers.SerializerMethodField()

    class Meta:
        model = RulesApplication
        fields = ("id", "state", "progress", "moved", "actor", "started_at", "finished_at")

    @extend_schema_field(ActorSerializer)
    def get_actor(self, application: RulesApplication) -> dict[str, str]:
        actor = public_actors([application.actor])[application.actor]
        return {"kind": str(actor.kind), "id": actor.id}
