"""Shapes of proposals that two profiles are one person, and of what made them."""

from typing import Any

from rest_framework import serializers

from profiles.api.decision_serializers import EffectsSerializer
from profiles.matching.fields import Field
from profiles.matching.views import ProposalView, Step
from profiles.models import MatchModel, MatchProposal


class MatchWeightSerializer(serializers.Serializer[Step]):
    """How far one field speaks for one person: above 0 for it, below 0 against it, in bits.

    `values` are those that the two profiles have now, each with all that sources ever said.
    """

    field = serializers.ChoiceField(choices=[field.value for field in Field])
    weight = serializers.FloatField()
    values = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), min_length=2, max_length=2
    )


class MatchProposalSerializer(serializers.Serializer[ProposalView]):
    """Two profiles that may be one person.

    `prior` and the weights add up to the logarithm, to base 2, of the odds of `probability`.
    """

    id = serializers.UUIDField(source="proposal.uuid")
    profiles = serializers.SerializerMethodField()
    probability = serializers.FloatField(source="proposal.probability")
    prior = serializers.FloatField(source="proposal.prior")
    weights = MatchWeightSerializer(many=True, source="steps")
    state = serializers.ChoiceField(choices=MatchProposal.State.choices, source="proposal.state")
    scored_at = serializers.DateTimeField(source="proposal.scored_at")
    postponed_at = serializers.DateTimeField(source="proposal.postponed_at", allow_null=True)
    answered_at = serializers.DateTimeField(source="proposal.answered_at", allow_null=True)

    def get_profiles(self, view: ProposalView) -> list[str]:
        """The public ids of the two profiles; that of one absorbed since still resolves."""
        return [view.proposal.one.value, view.proposal.other.value]


class MatchAnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """Why a proposal is answered so. With `dry_run` nothing is written."""

    reason = serializers.CharField(max_length=2000, default="")
    dry_run = serializers.BooleanField(default=False)


class MatchSilenceSerializer(serializers.Serializer[dict[str, Any]]):
    """Why a proposal is declined."""

    reason = serializers.CharField(max_length=2000, default="")


class MatchAnsweredSerializer(MatchProposalSerializer):
    """An answered proposal, with what its verdict does to people."""

    effects = EffectsSerializer()


class MatchQueuedSerializer(serializers.Serializer[Any]):
    """That people will be compared."""

    status = serializers.ChoiceField(choices=["queued"])


class MatchModelSerializer(serializers.ModelSerializer[MatchModel]):
    """What was learnt of how values of one person differ. With a `refusal` nothing is proposed."""

    refusal = serializers.ChoiceField(choices=MatchModel.Refusal.choices, allow_blank=True)
    fields_compared = serializers.ListField(child=serializers.CharField(), source="fields")

    class Meta:
        model = MatchModel
        fields = ("fields_compared", "people", "pairs", "refusal", "trained_at", "scored_until")
