"""The rules of identity: reading them, trying others on all that happened, and applying them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api import filters
from profiles.api import rules_serializers as serializers
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem, validated
from profiles.identity.ruleset.plan import FACTS_PER_ANSWER
from profiles.models import IdentityRule, RulesApplication
from profiles.models.access import Scope
from profiles.services import (
    RulesFault,
    apply_rules,
    as_plain,
    document_of_store,
    parse_document,
    pause_application,
    plan_rules,
    resume_application,
    sweep,
)

# Rules decide who is who for everybody.
SCOPES = dict.fromkeys(("GET", "POST"), Scope.PRIVACY_ADMIN)


class IdentityRulesViewSet(ScopedView, GenericViewSet[Any]):
    """The rules by which facts are judged, as one document."""

    scopes = SCOPES
    queryset = IdentityRule.objects.none()
    serializer_class: Any = serializers.IdentityRulesSerializer
    filter_exemption = "All rules are one document."
    pagination_class = None

    @extend_schema(
        responses=serializers.IdentityRulesSerializer,
        operation_id="v1_identity_rules_retrieve",
    )
    def list(self, request: Request) -> Response:
        """Return all rules: the content of a file that `plan` and `apply` take."""
        return Response(as_plain(document_of_store()))

    @extend_schema(
        request=serializers.RulesToPlanSerializer,
        responses={200: serializers.RulesPlanSerializer},
    )
    @action(detail=False, methods=["post"])
    def plan(self, request: Request) -> Response:
        """Say what rules would have made of all people. Nothing is written.

        Of a large store a sample of people is judged; `manage.py try_identity_rules` judges all.
        """
        fields = validated(serializers.RulesToPlanSerializer(data=request.data))
        with rules_faults("rules"):
            parsed = parse_document(fields["rules"])
        plan = serializers.RulesPlanSerializer(plan_rules(parsed, most_facts=FACTS_PER_ANSWER)).data
        if "sweep" in fields:
            values = fields["sweep"]["values"]
            with rules_faults("sweep"):
                swept = sweep(
                    fields["rules"],
                    fields["sweep"]["path"],
                    values,
                    most_facts=FACTS_PER_ANSWER // len(values),
                )
            plan["sweep"] = [serializers.SweptSerializer(each).data for each in swept]
        return Response(plan)

    @extend_schema(
        request=serializers.RulesToApplySerializer,
        responses={202: serializers.RulesApplicationSerializer},
    )
    @action(detail=False, methods=["post"])
    def apply(self, request: Request) -> Response:
        """Let rules stand from the start: all facts are judged again, while messages come in.

        They supersede rules whose application is not finished.
        """
        fields = validated(serializers.RulesToApplySerializer(data=request.data))
        with rules_faults("rules"):
            parsed = parse_document(fields["rules"])
        application = apply_rules(parsed, actor=actor_of(request), reason=fields["reason"])
        application.refresh_from_db()
        return Response(serializers.RulesApplicationSerializer(application).data, status=202)


class RulesApplicationViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[RulesApplication]
):
    """Applications of rules, the latest first."""

    scopes = SCOPES
    queryset = RulesApplication.objects.all()
    serializer_class: Any = serializers.RulesApplicationSerializer
    filterset_class = filters.RulesApplicationFilter
    cursor_ordering = ("-pk",)
    bodiless_actions = ("pause", "resume")
    refusals = {"pause": (409,), "resume": (409,)}
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @extend_schema(request=None, responses={200: serializers.RulesApplicationSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, uuid: str) -> Response:
        """Stop after the step at hand. People stay as they are until it goes on."""
        application = self.get_object()
        pause_application(application, actor=actor_of(request))
        return self._answer(application, RulesApplication.State.PAUSED)

    @extend_schema(request=None, responses={200: serializers.RulesApplicationSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, uuid: str) -> Response:
        """Go on where it was paused."""
        application = self.get_object()
        resume_application(application, actor=actor_of(request))
        return self._answer(application, RulesApplication.State.RUNNING)

    def _answer(self, application: RulesApplication, wanted: str) -> Response:
        if application.state != wanted:
            raise problem("", "wrong_state", f"It is {application.state}.", 409)
        return Response(self.get_serializer(application).data)


@contextmanager
def rules_faults(field: str) -> Iterator[None]:
    """Answer with the path of what is wrong with rules in a field of the body."""
    try:
        yield
    except RulesFault as fault:
        raise problem(f"{field}.{fault.path}".rstrip("."), "invalid", fault.detail) from None
