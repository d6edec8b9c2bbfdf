"""Cases in which facts and rules disagree about an identifier, and their answers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api import case_serializers as serializers
from profiles.api import filters
from profiles.api.decision_effects import Effects, answer_case_with_effects
from profiles.api.decisions import stored_identifier
from profiles.api.kit.access import ScopedView, actor_of, sees_restricted
from profiles.api.kit.problems import problem, validated
from profiles.cases.answers import VERDICTS
from profiles.cases.evidence import CaseView, view_of
from profiles.identifiers.lookup import restricted_identifiers
from profiles.models import Identifier, IdentityCase
from profiles.models.access import Scope
from profiles.services import (
    CaseAnswered,
    CaseFault,
    DecisionConflict,
    DecisionError,
    postpone_case,
)


class CaseViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[IdentityCase]):
    """Cases for staff to look at; first what most facts ran into."""

    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_WRITE}
    queryset = IdentityCase.objects.prefetch_related("identifier")
    serializer_class: Any = serializers.CaseSerializer
    filterset_class = filters.CaseFilter
    cursor_ordering = ("-refusals", "-pk")
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    refusals = {"answer": (409,)}

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page without the cases of restricted people, if those are hidden."""
        page: list[IdentityCase] = list(super().paginate_queryset(queryset) or ())
        if sees_restricted(self.request):
            return page
        hidden = restricted_identifiers(case.identifier for case in page)
        return [case for case in page if case.identifier_id not in hidden]

    @extend_schema(responses=serializers.CaseDetailSerializer)
    def retrieve(self, request: Request, uuid: str) -> Response:
        """A case with the identifiers that facts name together with its own."""
        return Response(serializers.CaseDetailSerializer(self._view(request)).data)

    @extend_schema(
        request=serializers.CaseAnswerSerializer, responses=serializers.CaseAnsweredSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def answer(self, request: Request, uuid: str) -> Response:
        """Answer an open case, or put it off with `later`."""
        fields = validated(serializers.CaseAnswerSerializer(data=request.data))
        view = self._view(request)
        try:
            profiles = self._answer(request, view, fields)
        except CaseAnswered:
            raise problem("answer", "answered", "The case has an answer.", 409) from None
        except (CaseFault, DecisionError) as error:
            raise problem(error.field, "invalid", str(error)) from None
        except DecisionConflict as conflict:
            chain = " – ".join(identifier.namespace for identifier in conflict.chain)
            detail = f"{conflict.rule}: the two must not be one person's ({chain})."
            raise problem("answer", conflict.rule, detail, 409) from None
        answered = serializers.CaseSerializer(view.case).data
        return Response(answered | {"effects": {"profiles": profiles}})

    def _answer(self, request: Request, view: CaseView, fields: dict[str, Any]) -> Effects:
        if fields["answer"] == "later":
            postpone_case(view.case, actor=actor_of(request))
            return []
        return answer_case_with_effects(
            view.case,
            IdentityCase.Answer(fields["answer"]),
            actor=actor_of(request),
            other=self._other(request, view, fields),
            reason=fields["reason"],
            with_restricted=sees_restricted(request),
            is_dry_run=fields["dry_run"],
        )

    def _other(self, request: Request, view: CaseView, fields: dict[str, Any]) -> Identifier | None:
        """Return the identifier that a verdict is about, or None for other answers."""
        if fields["answer"] not in VERDICTS:
            return None
        if "other" in fields:
            return stored_identifier(request, "other", fields["other"])
        return view.question.identifier if view.question else None

    def _view(self, request: Request) -> CaseView:
        """Return the case of the address. Raises NotFound."""
        view = view_of(self.get_object(), with_restricted=sees_restricted(request))
        if view is None:
            raise NotFound("This person's processing is restricted.")
        return view
