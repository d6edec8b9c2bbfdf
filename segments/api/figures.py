"""Figures of segments: sizes and flows by day, overlaps, and who was a member in the past."""

import re
from datetime import timedelta
from typing import Any

from django.db import OperationalError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from segments import services
from segments.api import figure_serializers as serializers
from segments.api.visibility import refuse_sensitive_past, refuse_sensitive_segment
from segments.memberships.figures import MAX_DAYS, MAX_OVERLAPPING
from segments.memberships.past import entries_in_force, people_of
from segments.models import MembershipChange, Segment

DEFAULT_DAYS = 90
KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class SegmentFigures:
    """Actions of the viewset of segments, which has `get_segment`."""

    @extend_schema(
        parameters=[
            OpenApiParameter("since", OpenApiTypes.DATETIME),
            OpenApiParameter("until", OpenApiTypes.DATETIME),
        ],
        responses=serializers.FiguresSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None, query_parameters=("since", "until"))
    def figures(self: Any, request: Request, key: str) -> Response:
        """Return sizes and flows by local day, what may be wrong, and which segments lean on it.

        The last 90 days by default, 400 at most.
        """
        fields = validated(serializers.SpanSerializer(data=request.query_params))
        now = database_now()
        until = fields.get("until", now)
        since = fields.get("since", until - timedelta(days=DEFAULT_DAYS))
        if not timedelta(0) < until - since <= timedelta(days=MAX_DAYS):
            detail = f"From since to until are at most {MAX_DAYS} days, and more than none."
            raise problem("since", "out_of_range", detail)
        segment = self.get_segment()
        refuse_sensitive_past(request, segment)
        figures = services.figures(segment, since=since, until=until, now=now)
        return Response(serializers.FiguresSerializer(figures).data)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "keys", required=True, description=f"2 to {MAX_OVERLAPPING} keys, with commas."
            )
        ],
        responses=serializers.OverlapSerializer,
        filters=False,
    )
    @action(
        detail=False,
        methods=["get"],
        filterset_class=None,
        pagination_class=None,
        query_parameters=("keys",),
    )
    def overlap(self: Any, request: Request) -> Response:
        """Return how many people are in which of some segments, the largest combinations first."""
        segments = _segments_of(request.query_params.get("keys", ""))
        for segment in segments:
            refuse_sensitive_segment(request, segment)
        try:
            combinations = services.overlap(segments)
        except OperationalError:
            detail = "Counting these together takes too long; ask about fewer."
            raise problem("keys", "too_slow", detail) from None
        body = {"segments": segments, "combinations": combinations}
        return Response(serializers.OverlapSerializer(body).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("at", OpenApiTypes.DATETIME, required=True),
            OpenApiParameter("cursor"),
            OpenApiParameter("page_size", int),
        ],
        responses=serializers.PastMembersSerializer,
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        url_path="as-of",
        queryset=MembershipChange.objects.all(),
        filterset_class=None,
        cursor_ordering=("profile_id",),
        query_parameters=("at",),
    )
    def as_of(self: Any, request: Request, key: str) -> Response:
        """List who was a member at a past instant, by the stored history.

        People are listed under today's id, each once. Erased people are missing, and people who
        were merged since are one: `size_then` is the size that was shown at the time.
        """
        # Without the parameters of the pages.
        moment = {
            name: request.query_params[name] for name in ("at",) if name in request.query_params
        }
        at = validated(serializers.PastMomentSerializer(data=moment))["at"]
        segment = self.get_segment()
        refuse_sensitive_past(request, segment)
        try:
            size_then = services.size_at(segment, at)
        except services.BeforeHistory as error:
            first = error.earliest.isoformat() if error.earliest else "its first build"
            raise problem("at", "before_history", f"Its history begins at {first}.", 404) from None
        page = self.paginate_queryset(entries_in_force(segment, at))
        body = {
            "at": at,
            "size_then": size_then,
            "next": self.paginator.get_next_link(),
            "previous": self.paginator.get_previous_link(),
            "results": people_of(page, segment, at),
        }
        return Response(serializers.PastMembersSerializer(body).data)


def _segments_of(keys: str) -> list[Segment]:
    """Return the live segments with these keys, in their order. Raises Problem."""
    wanted = list(dict.fromkeys(key for key in keys.split(",") if key))
    if not 2 <= len(wanted) <= MAX_OVERLAPPING:
        raise problem("keys", "out_of_range", f"2 to {MAX_OVERLAPPING} keys.")
    # What is no key at all may hold what the database takes in no text.
    proper = list(filter(KEY.fullmatch, wanted))
    live = Segment.objects.filter(key__in=proper, status=Segment.Status.LIVE)
    by_key = {segment.key: segment for segment in live}
    if any(key not in by_key for key in wanted):
        raise problem("keys", "unknown", "No live segment has one of these keys.")
    return [by_key[key] for key in wanted]
