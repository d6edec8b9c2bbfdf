"""Actions on a segment beside its definition: keeping people in or out, and pausing it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.api.kit.access import actor_of
from profiles.api.kit.lists import TimeRangeFilter
from profiles.api.kit.problems import validated
from segments import services
from segments.api import override_serializers as bodies
from segments.api import serializers
from segments.api.filters import ProfileFilter
from segments.api.refusals import problems_from_services
from segments.api.visibility import BY_NAME, may_count_people, refuse_sensitive_segment
from segments.models import Override, Segment


class OverrideFilter(ProfileFilter):
    starts = TimeRangeFilter(field_name="starts_at")
    ends = TimeRangeFilter(field_name="ends_at")

    class Meta:
        model = Override
        fields = ["kind"]


class SegmentOverrides:
    """The actions of segments that take no definition. They are mixed into the viewset."""

    @extend_schema(responses=bodies.OverrideSerializer(many=True))
    @action(
        detail=True,
        queryset=Override.objects.all(),
        serializer_class=bodies.OverrideSerializer,
        filterset_class=OverrideFilter,
        cursor_ordering=("profile_id", "identifier_id"),
    )
    def overrides(self: Any, request: Request, key: str) -> Response:
        """List who is kept in the segment or out of it, also whose time has not come or is over.

        Reasons, which may name somebody, are empty for a key without the scope `profiles:read`.
        """
        segment: Segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        rows = Override.objects.filter(segment=segment, profile__is_restricted=False)
        return self.page_of_rows(rows.select_related("profile"))  # type: ignore[no-any-return]

    @extend_schema(request=bodies.DecisionSerializer, responses=bodies.DecidedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def include(self: Any, request: Request, key: str) -> Response:
        """Keep up to 1,000 people in the segment, whatever its definition says.

        Whoever is excluded stays out, and restricted people are in no segment.
        """
        return _decided(self, request, Override.Kind.INCLUDE)

    @extend_schema(request=bodies.DecisionSerializer, responses=bodies.DecidedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def exclude(self: Any, request: Request, key: str) -> Response:
        """Keep up to 1,000 people out of the segment, whatever its definition says."""
        return _decided(self, request, Override.Kind.EXCLUDE)

    @extend_schema(request=bodies.OverrideReleaseSerializer, responses=bodies.DecidedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def release(self: Any, request: Request, key: str) -> Response:
        """End what was decided about up to 1,000 people: the definition holds for them again."""
        _require_names(request)
        fields = validated(bodies.OverrideReleaseSerializer(data=request.data))
        segment = self.get_segment()
        change = services.release_overrides(segment, fields["identifiers"], actor=actor_of(request))
        return Response(bodies.DecidedSerializer(change).data)

    @extend_schema(request=None, responses=serializers.SegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self: Any, request: Request, key: str) -> Response:
        """Hold back what leaves the system of the segment; it is evaluated all the same."""
        with problems_from_services(status=409):
            services.pause_segment(self.get_segment(), actor=actor_of(request))
        return Response(self.get_serializer(self.get_segment()).data)

    @extend_schema(request=None, responses=serializers.SegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self: Any, request: Request, key: str) -> Response:
        """Let out again what leaves the system of the segment."""
        with problems_from_services(status=409):
            services.resume_segment(self.get_segment(), actor=actor_of(request))
        return Response(self.get_serializer(self.get_segment()).data)


def _decided(view: Any, request: Request, kind: Override.Kind) -> Response:
    _require_names(request)
    fields = validated(bodies.DecisionSerializer(data=request.data))
    references = fields.pop("identifiers")
    decision = services.Decision(kind, **fields)
    segment: Segment = view.get_segment()
    with problems_from_services():
        change = services.set_overrides(segment, references, decision, actor=actor_of(request))
    return Response(bodies.DecidedSerializer(change).data)


def _require_names(request: Request) -> None:
    if not may_count_people(request):
        raise PermissionDenied(BY_NAME)
