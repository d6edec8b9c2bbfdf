"""RFM models and life-cycles: `/api/v1/rfm/` and `/api/v1/life-cycles/`."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import OperationalError
from django.db.models import Prefetch, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from segments import services
from segments.api import family_serializers as serializers
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import may_count_people, refuse_sensitive_definition
from segments.models import Segment, SegmentFamily

Kind = SegmentFamily.Kind
DEFAULT_DAYS = 30


class FamilyFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = SegmentFamily
        fields = ["key", "name", "event"]


class FamilyViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """What both kinds of families have. DELETE archives the segments of one."""

    kind: ClassVar[Kind]
    change_serializer: ClassVar[type[Any]]
    scopes = SCOPES
    bodiless_actions = ("destroy", "recompute")
    refusals = {"create": (503,), "recompute": (503,), "destroy": (409,)}
    queryset: Any = SegmentFamily.objects.all()
    filterset_class: Any = FamilyFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,42}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    def get_queryset(self) -> QuerySet[SegmentFamily]:
        parts = Segment.objects.exclude(status=Segment.Status.ARCHIVED).order_by("pk")
        families = SegmentFamily.objects.filter(kind=self.kind).select_related("live_version")
        if not may_count_people(self.request):
            # Their boundaries tell what somebody may not see.
            hidden = services.sensitive_segments()
            families = families.exclude(segments__in=hidden)
        return families.prefetch_related(Prefetch("segments", parts, to_attr="parts"))

    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        refuse_sensitive_definition(request, _quantity_of(**fields))
        with problems_from_services():
            family = services.create_family(kind=self.kind, actor=actor_of(request), **fields)
            services.recompute_family(family)
        return Response(self._shown(family), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, key: str) -> Response:
        changes = validated(self.change_serializer(data=request.data, partial=True))
        family = services.update_family(self.get_object(), actor=actor_of(request), changes=changes)
        return Response(self._shown(family))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        with problems_from_services(status=409):
            services.end_family(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        parameters=[OpenApiParameter("since", OpenApiTypes.DATETIME)],
        responses=serializers.MovementSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None, query_parameters=("since",))
    def movement(self, request: Request, key: str) -> Response:
        """Return how many people moved from which group to which, in thirty days unless said.

        It is read from the stored history, for people who are still here.
        """
        fields = validated(serializers.SinceSerializer(data=request.query_params))
        since = fields.get("since", database_now() - timedelta(days=DEFAULT_DAYS))
        try:
            moves = services.movement(self.get_object(), since)
        except OperationalError:
            raise problem("since", "too_slow", "Counting this takes too long.") from None
        body = {"since": since, "moves": moves}
        return Response(serializers.MovementSerializer(body).data)

    def _shown(self, family: SegmentFamily) -> Any:
        return self.get_serializer(self.get_queryset().get(pk=family.pk)).data


def _quantity_of(*, event: str, value: str = "", **_: Any) -> dict[str, Any]:
    """Return the question that a family asks of everybody, as a definition.

    The net value of events tells no more than their number does.
    """
    money = {"aggregate": "sum", "property": value} if value else {}
    return {"type": "event", "name": event, "operator": "gte", "value": 0} | money


@extend_schema_view(
    create=extend_schema(responses={201: serializers.RfmSerializer}),
    partial_update=extend_schema(
        request=serializers.RfmChangeSerializer, responses=serializers.RfmSerializer
    ),
)
class RfmViewSet(FamilyViewSet):
    """RFM models: eleven living segments by recency, frequency and money.

    POST computes the boundaries before it answers; then they are computed at the hour of each day,
    in the store's zone.
    """

    kind = Kind.RFM
    serializer_class: Any = serializers.RfmSerializer
    change_serializer = serializers.RfmChangeSerializer

    @extend_schema(request=None, responses=serializers.RfmSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def recompute(self, request: Request, key: str) -> Response:
        """Compute the boundaries anew, and the groups by them, before the response."""
        family = self.get_object()
        with problems_from_services():
            services.recompute_family(family)
        return Response(self._shown(family))


@extend_schema_view(
    create=extend_schema(responses={201: serializers.LifeCycleSerializer}),
    partial_update=extend_schema(
        request=serializers.LifeCycleChangeSerializer, responses=serializers.LifeCycleSerializer
    ),
)
class LifeCycleViewSet(FamilyViewSet):
    """Life-cycles: six living segments, from new people to dormant ones."""

    kind = Kind.LIFE_CYCLE
    serializer_class: Any = serializers.LifeCycleSerializer
    change_serializer = serializers.LifeCycleChangeSerializer
