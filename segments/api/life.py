"""The life of a segment: its versions, copies of it, what another definition would change."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.api.kit.access import actor_of
from profiles.api.kit.problems import problem, validated
from profiles.services import public_actors
from segments import services
from segments.api import serializers
from segments.api.refusals import problems_from_services
from segments.api.visibility import (
    hide_sensitive_versions,
    refuse_sensitive_definition,
    refuse_sensitive_segment,
)
from segments.models import Segment, SegmentVersion


class SegmentLife:
    """Actions of the viewset of segments, which has `get_segment`."""

    @extend_schema(responses=serializers.SegmentVersionSerializer(many=True))
    @action(
        detail=True,
        queryset=SegmentVersion.objects.all(),
        serializer_class=serializers.SegmentVersionSerializer,
        filterset_class=None,
        cursor_ordering=("-number",),
    )
    def versions(self: Any, request: Request, key: str) -> Response:
        """List the definitions that the segment had, with their authors, the newest first."""
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        page = self.paginate_queryset(SegmentVersion.objects.filter(segment=segment))
        authors = public_actors(version.author for version in page)
        for version in page:
            version.public_author = authors[version.author]
        hide_sensitive_versions(request, page)
        response: Response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        return response

    @extend_schema(
        request=serializers.RollbackSerializer, responses=serializers.WarnedSegmentSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def rollback(self: Any, request: Request, key: str) -> Response:
        """Give the segment the definition of an earlier version, as its next one."""
        fields = validated(serializers.RollbackSerializer(data=request.data))
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        version = segment.versions.filter(number=fields["version"]).first()
        if version is not None:
            refuse_sensitive_definition(request, version.definition)
        with problems_from_services():
            segment = services.roll_back(segment, fields["version"], actor=actor_of(request))
        return Response(self.shown_with_warnings(segment))

    @extend_schema(
        request=serializers.CloneSerializer, responses={201: serializers.WarnedSegmentSerializer}
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def clone(self: Any, request: Request, key: str) -> Response:
        """Make a draft with the segment's definition, purpose and labels."""
        fields = validated(serializers.CloneSerializer(data=request.data))
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        with problems_from_services():
            copy = services.clone_segment(segment, actor=actor_of(request), **fields)
        return Response(self.shown_with_warnings(copy), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.DefinitionSerializer, responses=serializers.DefinitionPartsSerializer
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def parts(self: Any, request: Request) -> Response:
        """Return how many people each part of a definition keeps, alone and after those before."""
        fields = validated(serializers.DefinitionSerializer(data=request.data))
        refuse_sensitive_definition(request, fields["definition"])
        with problems_from_services():
            steps = services.funnel(fields["definition"])
        parts = [{"path": f"children[{step.place - 1}]", **step._asdict()} for step in steps]
        return Response(serializers.DefinitionPartsSerializer({"parts": parts}).data)

    @extend_schema(request=None, responses=serializers.WarnedSegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def restore(self: Any, request: Request, key: str) -> Response:
        """Bring an archived segment back as a draft."""
        with problems_from_services(status=409):
            segment = services.restore_segment(self.get_segment(), actor=actor_of(request))
        return Response(self.shown_with_warnings(segment))

    @extend_schema(
        request=serializers.DefinitionSerializer, responses=serializers.ComparisonSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def compare(self: Any, request: Request, key: str) -> Response:
        """Return who would enter and leave by another definition; nothing is saved.

        It is compared with the definition that the memberships are of.
        """
        fields = validated(serializers.DefinitionSerializer(data=request.data))
        segment: Segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        refuse_sensitive_definition(request, fields["definition"])
        with problems_from_services():
            comparison = services.compare(segment, fields["definition"], with_leaves=True)
        return Response(serializers.ComparisonSerializer(comparison).data)

    @extend_schema(request=None, responses=serializers.SegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def recompute(self: Any, request: Request, key: str) -> Response:
        """Compute the boundaries of the segment's ranks anew, and its members by them."""
        segment = self.get_segment()
        if segment.status != Segment.Status.LIVE:
            raise problem("status", "not_live", "Only a live segment is kept.", 409)
        with problems_from_services():
            services.recompute(segment)
        return Response(self.get_serializer(self.get_segment()).data)

    def shown_with_warnings(self: Any, segment: Segment) -> Any:
        """Return a segment as this key may see it, with the words that stand for nothing yet."""
        context = self.get_serializer_context()
        return serializers.WarnedSegmentSerializer(segment, context=context).data
