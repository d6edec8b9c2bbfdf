"""The API of legal holds: what outlives the erasure of a person, and until when it is reviewed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import Count
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api.problems import problems_from_services
from consent.models import HeldRow, LegalHold
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem, validated
from profiles.api.kit.references import ReferencesField
from profiles.lib.database import database_now
from profiles.models.access import Scope


class HoldSerializer(serializers.Serializer[LegalHold]):
    """A legal hold. `row_counts` has by store how many rows were set aside in an erasure."""

    id = serializers.UUIDField(read_only=True)
    scope = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=255), max_length=100),
        help_text="The kinds to keep by store; an empty list keeps all rows of the store.",
    )
    sources = serializers.ListField(
        child=serializers.SlugField(max_length=63), max_length=100, required=False, default=list
    )
    ground = serializers.ChoiceField(LegalHold.Ground.choices)
    reason = serializers.CharField(max_length=2000)
    case_reference = serializers.CharField(
        max_length=120, required=False, allow_blank=True, default=""
    )
    review_on = serializers.DateField()
    is_review_due = serializers.SerializerMethodField()
    row_counts = serializers.SerializerMethodField()
    placed_at = serializers.DateTimeField(read_only=True)
    lifted_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_is_review_due(self, hold: LegalHold) -> bool:
        return hold.lifted_at is None and hold.review_on <= database_now().date()

    def get_row_counts(self, hold: LegalHold) -> dict[str, int]:
        counts: dict[str, int] = hold.row_counts  # type: ignore[attr-defined]  # by with_counts
        return counts


class NewHoldSerializer(HoldSerializer):
    """A new hold, on whoever has one of the identifiers."""

    identifiers = ReferencesField(max_length=100, write_only=True)


class HoldChangeSerializer(serializers.Serializer[LegalHold]):
    """What of a hold may change while it stands."""

    reason = serializers.CharField(max_length=2000, required=False)
    case_reference = serializers.CharField(max_length=120, required=False, allow_blank=True)
    review_on = serializers.DateField(required=False)


class LiftSerializer(serializers.Serializer[Any]):
    """Why a hold ends. It goes into the audit."""

    reason = serializers.CharField(max_length=2000)


class HeldRowSerializer(serializers.ModelSerializer[HeldRow]):
    """A held row. `content` is JSON as text, so that no number of it changes."""

    class Meta:
        model = HeldRow
        fields = ["store", "kind", "content", "held_at"]


class HoldFilter(StrictFilterSet):
    is_standing = filters.BooleanFilter(field_name="lifted_at", lookup_expr="isnull")
    placed = TimeRangeFilter(field_name="placed_at")
    lifted = TimeRangeFilter(field_name="lifted_at")
    review_on = filters.DateFromToRangeFilter()

    class Meta:
        model = LegalHold
        fields = ["ground", "is_standing", "placed", "lifted", "review_on"]


class HeldRowFilter(StrictFilterSet):
    held = TimeRangeFilter(field_name="held_at")

    class Meta:
        model = HeldRow
        fields = ["store", "held"]


class HoldViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Legal holds: what of a person outlives their erasure, until it is lifted."""

    scopes = {
        "GET": Scope.PRIVACY_ADMIN,
        "POST": Scope.PRIVACY_ADMIN,
        "PATCH": Scope.PRIVACY_ADMIN,
    }
    refusals = {"partial_update": (409,), "lift": (409,)}
    queryset: Any = LegalHold.objects.all()
    serializer_class: Any = HoldSerializer
    filterset_class: Any = HoldFilter
    cursor_ordering = ("-placed_at", "-id")

    def paginate_queryset(self, queryset: Any) -> list[Any]:
        page = super().paginate_queryset(queryset) or []
        return with_counts(page) if queryset.model is LegalHold else page

    def get_object(self) -> LegalHold:
        [hold] = with_counts([super().get_object()])
        return hold

    @extend_schema(request=NewHoldSerializer, responses={201: HoldSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(NewHoldSerializer(data=request.data))
        new_hold = services.NewHold(references=fields.pop("identifiers"), **fields)
        with problems_from_services("identifiers"), _problems():
            hold = services.place_hold(new_hold, actor=actor_of(request), now=database_now())
        body = self.get_serializer(*with_counts([hold])).data
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(request=HoldChangeSerializer, responses=HoldSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change when a hold is reviewed, its reason or its case."""
        changes = validated(HoldChangeSerializer(data=request.data, partial=True))
        hold = self.get_object()
        with _problems():
            services.change_hold(hold, changes=changes, actor=actor_of(request), now=database_now())
        return Response(self.get_serializer(hold).data)

    @extend_schema(request=LiftSerializer, responses=HoldSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def lift(self, request: Request, pk: str) -> Response:
        """End a hold. The erasure that it kept back goes on by itself."""
        reason = validated(LiftSerializer(data=request.data))["reason"]
        hold = self.get_object()
        with _problems():
            services.lift_hold(hold, actor=actor_of(request), reason=reason, now=database_now())
        return Response(self.get_serializer(hold).data)

    @extend_schema(responses=HeldRowSerializer(many=True))
    @action(
        detail=True,
        queryset=HeldRow.objects.all(),
        serializer_class=HeldRowSerializer,
        filterset_class=HeldRowFilter,
        cursor_ordering=("id",),
    )
    def rows(self, request: Request, pk: str) -> Response:
        """List the rows of erased people that a hold keeps."""
        hold = generics.get_object_or_404(LegalHold, pk=pk)
        return self.page_of_rows(HeldRow.objects.filter(hold=hold))


def with_counts(holds: Iterable[LegalHold]) -> list[LegalHold]:
    """Give holds their `row_counts`, the numbers of held rows by store, in one query."""
    rows = list(holds)
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    stores = HeldRow.objects.filter(hold__in=rows).order_by("hold", "store")
    for hold_id, store, count in stores.values_list("hold", "store").annotate(count=Count("pk")):
        counts[hold_id][store] = count
    for hold in rows:
        hold.row_counts = counts[hold.pk]  # type: ignore[attr-defined]
    return rows


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except services.InvalidHold as error:
        raise problem(error.path, "invalid_hold", str(error)) from None
    except services.HoldLifted as error:
        raise problem("", "hold_lifted", str(error), 409) from None
