"""A toy history of the body, judged by the rules that hold and by others."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView
from profiles.api.kit.problems import problem, validated
from profiles.api.rules import rules_faults
from profiles.api.rules_serializers import RulesField
from profiles.api.serializers import TRUSTS
from profiles.identifiers.references import Ref, reference_of
from profiles.identity.engine import Trust
from profiles.identity.ruleset.sandbox import (
    MOST_IDENTIFIERS,
    Played,
    Step,
    ToyFact,
    ToyFault,
    ToyHistory,
    ToyVerdict,
)
from profiles.lib.database import database_now
from profiles.models import DecisionVerdict, IdentityRule
from profiles.models.access import Scope
from profiles.services import parse_document, play_by_candidate, play_by_stored


class ToyFactSerializer(serializers.Serializer[Any]):
    """Identifiers as `namespace:value` that a source names together; without a day it is today."""

    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=1024), min_length=1, max_length=MOST_IDENTIFIERS
    )
    trust = serializers.ChoiceField(choices=TRUSTS, default="server")
    day = serializers.DateField(required=False)
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        required=False, max_length=63, default=""
    )


class ToyVerdictSerializer(serializers.Serializer[Any]):
    """A verdict of staff on two identifiers."""

    verdict = serializers.ChoiceField(choices=DecisionVerdict.choices)
    one = serializers.CharField(max_length=1024)
    other = serializers.CharField(max_length=1024)


class SandboxSerializer(serializers.Serializer[Any]):
    """Made-up facts in their order, verdicts that stand from the start, and rules to try."""

    facts = ToyFactSerializer(many=True, allow_empty=False)
    verdicts = ToyVerdictSerializer(many=True, required=False)
    rules = RulesField(required=False)


class LostIdentifierSerializer(serializers.Serializer[Any]):
    """An identifier that a fact lost: to a rule, to a blocked value, or to its quarantine."""

    identifier = serializers.CharField()
    rule = serializers.CharField()
    reason = serializers.CharField()


class SandboxStepSerializer(serializers.Serializer[Any]):
    """What one fact did. `joined` is how many people it made one, or 0."""

    kept = serializers.ListField(child=serializers.CharField())
    lost = LostIdentifierSerializer(many=True)
    joined = serializers.IntegerField()
    quarantined = serializers.ListField(child=serializers.CharField())


class PlayedSerializer(serializers.Serializer[Any]):
    """The people after all facts, each with their identifiers, and what each fact did."""

    people = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    steps = SandboxStepSerializer(many=True)


class SandboxAnswerSerializer(serializers.Serializer[Any]):
    """The history by the rules that hold, and by those of the body."""

    current = PlayedSerializer()
    candidate = PlayedSerializer(allow_null=True)


class RulesSandboxViewSet(ScopedView, GenericViewSet[Any]):
    """A toy history, to see what rules do. Nothing is stored, and nobody is read."""

    scopes = {"POST": Scope.PRIVACY_ADMIN}
    queryset = IdentityRule.objects.none()
    serializer_class: Any = SandboxSerializer
    filter_exemption = "It judges the facts of the body."
    pagination_class = None

    @extend_schema(request=SandboxSerializer, responses={200: SandboxAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Judge made-up facts by the rules that hold, and by those of the body."""
        fields = validated(self.get_serializer(data=request.data))
        candidate = None
        try:
            history = _history(fields)
            current = play_by_stored(history)
            if "rules" in fields:
                with rules_faults("rules"):
                    parsed = parse_document(fields["rules"])
                candidate = play_by_candidate(history, parsed)
        except ToyFault as fault:
            raise problem(fault.path, "invalid", fault.detail) from None
        return Response({"current": _plain(current), "candidate": candidate and _plain(candidate)})


def _history(fields: dict[str, Any]) -> ToyHistory:
    today = database_now().date()
    facts = [
        ToyFact(
            fact["identifiers"],
            Trust[fact["trust"].upper()],
            fact.get("day", today),
            fact["source"],
        )
        for fact in fields["facts"]
    ]
    verdicts = [
        ToyVerdict(DecisionVerdict(each["verdict"]), each["one"], each["other"])
        for each in fields.get("verdicts", ())
    ]
    return ToyHistory(facts, verdicts)


def _plain(played: Played) -> dict[str, Any]:
    return {
        "people": [_references(refs) for refs in played.people],
        "steps": [_plain_step(step) for step in played.steps],
    }


def _plain_step(step: Step) -> dict[str, Any]:
    return {
        "kept": _references(step.kept),
        "lost": [
            {"identifier": reference_of(each.ref), "rule": each.rule, "reason": each.reason}
            for each in step.lost
        ],
        "joined": step.joined,
        "quarantined": _references(step.quarantined),
    }


def _references(refs: Iterable[Ref]) -> list[str]:
    return [reference_of(ref) for ref in refs]
