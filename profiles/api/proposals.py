"""Proposals that two profiles are one person, and their answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api import filters
from profiles.api import proposal_serializers as serializers
from profiles.api.decision_effects import answer_with_effects
from profiles.api.kit.access import ScopedView, actor_of, sees_restricted
from profiles.api.kit.problems import problem, validated
from profiles.lib.change_queue import nudge
from profiles.matching.views import ProposalView, views_of
from profiles.models import MatchModel, MatchProposal
from profiles.models.access import Scope
from profiles.services import (
    DecisionConflict,
    DecisionError,
    ProposalAnswered,
    answer_proposal,
    postpone_proposal,
)

State = MatchProposal.State


class MatchProposalViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[MatchProposal]):
    """Pairs of profiles that may be one person, the most probable first."""

    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_WRITE}
    queryset = MatchProposal.objects.prefetch_related("one", "other")
    serializer_class: Any = serializers.MatchProposalSerializer
    filterset_class = filters.MatchProposalFilter
    cursor_ordering = ("-probability", "-pk")
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    bodiless_actions = ("create", "later")
    refusals = {
        "accept": (409,),
        "related": (409,),
        "decline": (409,),
        "later": (409,),
        "model": (404,),
    }

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page with the values of both sides, without people whom the key may not see."""
        page: list[MatchProposal] = list(super().paginate_queryset(queryset) or ())
        return views_of(page, with_restricted=sees_restricted(self.request))

    @extend_schema(request=None, responses={202: serializers.MatchQueuedSerializer})
    def create(self, request: Request) -> Response:
        """Have people compared soon: who changed since the last time, with everybody."""
        nudge("matching.propose")
        return Response({"status": "queued"}, status=202)

    @extend_schema(responses=serializers.MatchModelSerializer)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def model(self, request: Request) -> Response:
        """What proposals are made by, or why none are."""
        model = MatchModel.objects.first()
        if model is None:
            raise NotFound("Nobody has been compared yet.")
        return Response(serializers.MatchModelSerializer(model).data)

    @extend_schema(
        request=serializers.MatchAnswerSerializer,
        responses=serializers.MatchAnsweredSerializer,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def accept(self, request: Request, uuid: str) -> Response:
        """Join the two, by a verdict of "same" as if it were given by hand; or try it."""
        return self._decide(request, State.ACCEPTED)

    @extend_schema(
        request=serializers.MatchAnswerSerializer,
        responses=serializers.MatchAnsweredSerializer,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def related(self, request: Request, uuid: str) -> Response:
        """Keep the two apart for good, as people of one household; or try it."""
        return self._decide(request, State.RELATED)

    @extend_schema(
        request=serializers.MatchSilenceSerializer,
        responses=serializers.MatchProposalSerializer,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def decline(self, request: Request, uuid: str) -> Response:
        """Never propose the two again. What sources prove later joins them all the same."""
        fields = validated(serializers.MatchSilenceSerializer(data=request.data))
        proposal = self._view(request).proposal
        with _as_problems():
            answer_proposal(proposal, State.DECLINED, actor=actor_of(request), **fields)
        return Response(self.get_serializer(self._seen(request, proposal)).data)

    @extend_schema(request=None, responses=serializers.MatchProposalSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def later(self, request: Request, uuid: str) -> Response:
        """Put it behind all others in the queue of staff."""
        proposal = self._view(request).proposal
        with _as_problems():
            postpone_proposal(proposal, actor=actor_of(request))
        return Response(self.get_serializer(self._seen(request, proposal)).data)

    def _decide(self, request: Request, state: MatchProposal.State) -> Response:
        fields = validated(serializers.MatchAnswerSerializer(data=request.data))
        view = self._view(request)
        with _as_problems():
            profiles = answer_with_effects(
                view.proposal,
                state,
                actor=actor_of(request),
                reason=fields["reason"],
                with_restricted=sees_restricted(request),
                is_dry_run=fields["dry_run"],
            )
        # As it was seen: once joined, both sides have the values of both.
        answer = serializers.MatchProposalSerializer(view).data
        return Response(answer | {"effects": {"profiles": profiles}})

    def _view(self, request: Request) -> ProposalView:
        """Return the proposal of the address with its sides. Raises NotFound."""
        return self._seen(request, self.get_object())

    def _seen(self, request: Request, proposal: MatchProposal) -> ProposalView:
        views = views_of([proposal], with_restricted=sees_restricted(request))
        if not views:
            raise NotFound("The two are one profile by now, or one of them is not shown.")
        return views[0]


@contextmanager
def _as_problems() -> Iterator[None]:
    """Refuse with 409 what a rule, a verdict or an earlier answer forbids."""
    try:
        yield
    except ProposalAnswered:
        raise problem("state", "answered", "The proposal has an answer.", 409) from None
    except DecisionConflict as conflict:
        chain = " – ".join(identifier.namespace for identifier in conflict.chain)
        detail = f"{conflict.rule}: the two must not be one person's ({chain})."
        raise problem("state", conflict.rule, detail, 409) from None
    except DecisionError as error:
        raise problem("state", "invalid", str(error), 409) from None
