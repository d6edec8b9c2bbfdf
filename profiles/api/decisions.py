"""Verdicts on who is who, and why two identifiers are one person's or not."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import get_language_from_request, override
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api import decision_serializers as serializers
from profiles.api import filters
from profiles.api.decision_effects import decide_with_effects, undo_with_effects
from profiles.api.kit.access import ScopedView, actor_of, sees_restricted
from profiles.api.kit.problems import problem, validated
from profiles.identifiers.lookup import parse_reference, restricted_identifiers
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.identity.comparison import compare
from profiles.models import Identifier, IdentityDecision
from profiles.models.access import Scope
from profiles.services import DecisionConflict, DecisionError, NewDecision

DRY_RUN = OpenApiParameter(
    "dry_run",
    OpenApiTypes.BOOL,
    description="Answer with the effects and write nothing.",
)


class DecisionViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[IdentityDecision]):
    """Verdicts on pairs of identifiers, the newest first. They hold whatever sources send."""

    scopes = {
        "GET": Scope.PROFILES_READ,
        "POST": Scope.PROFILES_WRITE,
        "DELETE": Scope.PROFILES_WRITE,
    }
    queryset = IdentityDecision.objects.prefetch_related("one", "other")
    serializer_class: Any = serializers.IdentityDecisionSerializer
    filterset_class = filters.DecisionFilter
    cursor_ordering = ("-pk",)
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    refusals = {"create": (409,), "destroy": (404,)}
    query_parameters = ("dry_run",)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page without the verdicts that name a restricted person, if those are hidden."""
        page: list[IdentityDecision] = list(super().paginate_queryset(queryset) or ())
        if sees_restricted(self.request):
            return page
        hidden = restricted_identifiers(side for row in page for side in (row.one, row.other))
        return [row for row in page if hidden.isdisjoint((row.one_id, row.other_id))]

    @extend_schema(
        request=serializers.NewDecisionSerializer,
        responses={
            200: serializers.IdentityDecidedSerializer,
            201: serializers.IdentityDecidedSerializer,
        },
    )
    def create(self, request: Request) -> Response:
        """Decide whether two identifiers are one person's, or try it with `dry_run`.

        A service's verdict of "same" obeys unique namespaces.
        """
        fields = validated(serializers.NewDecisionSerializer(data=request.data))
        is_dry_run = fields["dry_run"]
        new = NewDecision(
            verdict=fields["verdict"],
            one=stored_identifier(request, "one", fields["one"]),
            other=stored_identifier(request, "other", fields["other"]),
            reason=fields["reason"],
            survivor=fields.get("survivor"),
        )
        try:
            decided = decide_with_effects(
                new,
                actor=actor_of(request),
                with_restricted=sees_restricted(request),
                is_dry_run=is_dry_run,
            )
        except DecisionError as error:
            raise problem(error.field, "invalid", str(error)) from None
        except DecisionConflict as conflict:
            chain = " – ".join(identifier.namespace for identifier in conflict.chain)
            detail = f"{conflict.rule}: the two must not be one person's ({chain})."
            raise problem("other", conflict.rule, detail, 409) from None
        answer = serializers.IdentityDecisionSerializer(decided.decision).data
        effects = {"profiles": decided.profiles}
        return Response(answer | {"effects": effects}, status=200 if is_dry_run else 201)

    @extend_schema(parameters=[DRY_RUN], responses={200: serializers.EffectsSerializer})
    def destroy(self, request: Request, uuid: str) -> Response:
        """Undo a verdict, as if it had never been given."""
        decision = self.get_object()
        if decision.ended_at is not None:
            raise NotFound("This verdict does not stand any more.")
        _refuse_restricted(request, [decision.one, decision.other])
        profiles = undo_with_effects(
            decision,
            actor=actor_of(request),
            with_restricted=sees_restricted(request),
            is_dry_run=_boolean(request, "dry_run"),
        )
        return Response({"profiles": profiles})


class ComparisonViewSet(ScopedView, GenericViewSet[Any]):
    """Why two identifiers are one person's, or why they are not."""

    scopes = {"POST": Scope.PROFILES_READ}
    serializer_class: Any = serializers.DecisionPairSerializer
    filter_exemption = "It compares the two identifiers of the body."
    pagination_class = None

    @extend_schema(responses={200: serializers.PairComparisonSerializer})
    def create(self, request: Request) -> Response:
        """Compare two identifiers: what connects them, what they share, and what refused it.

        Sentences are in the language of `Accept-Language`.
        """
        fields = validated(self.get_serializer(data=request.data))
        one, other = (stored_identifier(request, side, fields[side]) for side in ("one", "other"))
        with override(get_language_from_request(request)):
            comparison = compare(one, other, with_restricted=sees_restricted(request))
            answer = serializers.PairComparisonSerializer(comparison).data
        return Response(answer)


def stored_identifier(request: Request, side: str, reference: str) -> Identifier:
    """Return the identifier of a reference in the body.

    Raises ValidationError if nobody has it, and PermissionDenied if its person is restricted and
    the key may not see that.
    """
    try:
        namespace, value = parse_reference(reference)
    except InvalidIdentifier as error:
        raise ValidationError({side: [error.reason]}) from error
    identifier = Identifier.objects.filter(namespace=namespace, value=value).first()
    if identifier is None:
        raise ValidationError({side: ["No message has named this identifier."]})
    _refuse_restricted(request, [identifier])
    return identifier


def _refuse_restricted(request: Request, identifiers: Iterable[Identifier]) -> None:
    if not sees_restricted(request) and restricted_identifiers(identifiers):
        raise PermissionDenied("Processing is restricted (article 18): privacy:act may read it.")


def _boolean(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ValidationError({name: ["true or false."]})
    return text == "true"
