"""Shapes of cases, in which facts and rules disagree about an identifier."""

from typing import Any

from rest_framework import serializers

from profiles.api.decision_serializers import EffectsSerializer
from profiles.api.serializers import TRUSTS, IdentifierReferenceSerializer
from profiles.cases.answers import POSSIBLE
from profiles.cases.evidence import CaseView, Counterpart
from profiles.models import IdentityCase


class CaseSerializer(serializers.ModelSerializer[IdentityCase]):
    """An identifier about which facts and rules disagree: one case, however many facts there are.

    `refusals` is how many facts lost it, from `first_day` to `last_day`.
    """

    id = serializers.UUIDField(source="uuid", read_only=True)
    identifier = IdentifierReferenceSerializer()
    possible_answers = serializers.SerializerMethodField()

    class Meta:
        model = IdentityCase
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "identifier",
            "refusals",
            "first_day",
            "last_day",
            "state",
            "answer",
            "possible_answers",
            "postponed_at",
            "answered_at",
        )

    def get_possible_answers(self, case: IdentityCase) -> list[str]:
        """The answers that a case of this kind can have."""
        return list(POSSIBLE[case.kind])


class CounterpartSerializer(serializers.Serializer[Counterpart]):
    """An identifier that facts name together with that of the case, and who has it.

    `settled` says that the two are one person by now, or that a verdict keeps them apart. Source
    and day are those of the newest of the facts, `trust` is that of the most trusted.
    """

    identifier = IdentifierReferenceSerializer()
    refusals = serializers.IntegerField()
    last_day = serializers.DateField()
    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute of Field
    trust = serializers.ChoiceField(choices=TRUSTS, source="trust.api_name")
    settled = serializers.BooleanField(source="is_settled")


class CaseDetailSerializer(serializers.Serializer[CaseView]):
    """A case with the identifiers that are named together with its own, the newest first.

    `people` is how many profiles these are.
    """

    case = CaseSerializer()
    people = serializers.IntegerField()
    counterparts = CounterpartSerializer(many=True)


class CaseAnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """An answer. `same`, `not_same` and `related` are verdicts on the case and on `other`.

    `other` is the `namespace:value` of a counterpart; it may be left out where one person is left
    to ask about. With `dry_run` nothing is written.
    """

    answer = serializers.ChoiceField(
        choices=[*(each for each in IdentityCase.Answer.values if each != "settled"), "later"]
    )
    other = serializers.CharField(max_length=1024, required=False)
    reason = serializers.CharField(max_length=2000, default="")
    dry_run = serializers.BooleanField(default=False)


class CaseAnsweredSerializer(CaseSerializer):
    """A case that was answered, with what that does to people."""

    effects = EffectsSerializer()

    class Meta(CaseSerializer.Meta):
        fields: tuple[str, ...] = (*CaseSerializer.Meta.fields, "effects")
