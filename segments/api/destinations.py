"""Destinations: `/api/v1/destinations/`."""

from collections.abc import Iterable
from typing import Any

import django_filters as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from profiles.models import Profile
from segments import services
from segments.api import destination_serializers as serializers
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import DESTINATION_REFUSAL, may_count_people, refuse_sensitive_segment
from segments.api.webhook_serializers import (
    ReplayedSerializer,
    ReplaySerializer,
    WebhookTestSerializer,
)
from segments.models import Delivery, Destination, Segment


class DestinationFilter(StrictFilterSet):
    is_paused = filters.BooleanFilter(field_name="paused_at", lookup_expr="isnull", exclude=True)
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = Destination
        fields = ["name", "tool"]


class SentFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = Delivery
        fields = ["state", "event"]


class DestinationViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Tools that are kept in step with who is in segments and permits their purposes.

    A tool has the newest state of each person: they are written when they enter or when what is
    sent of them changes, and taken out when they leave, withdraw, object, are restricted or erased.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy", "test", "pause", "resume")
    queryset: Any = Destination.objects.select_related("purpose")
    serializer_class: Any = serializers.DestinationSerializer
    filterset_class: Any = DestinationFilter
    cursor_ordering = ("name", "id")
    lookup_value_converter = "uuid"

    @extend_schema(responses={201: serializers.DestinationSerializer})
    def create(self, request: Request) -> Response:
        """Make a destination. Who is in its segments already is sent."""
        fields = validated(self.get_serializer(data=request.data))
        _refuse(request, fields["segments"])
        with problems_from_services():
            new = services.NewDestination(**fields)
            destination = services.create_destination(new, actor=actor_of(request))
        return Response(self.get_serializer(destination).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=serializers.DestinationChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a destination. Whoever is in a segment that is taken off is taken out."""
        changes = validated(
            serializers.DestinationChangeSerializer(data=request.data, partial=True)
        )
        destination = self.get_object()
        _refuse(request, changes.get("segments", services.heard_segments(destination)))
        with problems_from_services():
            destination = services.update_destination(
                destination, actor=actor_of(request), changes=changes
            )
        return Response(self.get_serializer(destination).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a destination, with what waits for it. The tool keeps whom it has."""
        services.delete_webhook(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=WebhookTestSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: str) -> Response:
        """Try the account of the destination without any person."""
        outcome = services.check_account(self.get_object())
        return Response(WebhookTestSerializer(outcome).data)

    @extend_schema(request=None, responses=serializers.DestinationSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing more. What changes waits."""
        services.pause_webhook(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=serializers.DestinationSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Send again: what waits, and what was missed."""
        services.resume_webhook(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=ReplaySerializer, responses=ReplayedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def replay(self, request: Request, pk: str) -> Response:
        """Send everybody again who was written or taken out since a time, as they are now."""
        since = validated(ReplaySerializer(data=request.data))["since"]
        destination = self.get_object()
        _refuse(request, services.heard_segments(destination))
        count = services.replay(destination, since=since, actor=actor_of(request))
        return Response(ReplayedSerializer({"deliveries": count}).data)

    @extend_schema(responses=serializers.DryRunSerializer)
    @action(detail=True, url_path="dry-run", filterset_class=None, pagination_class=None)
    def dry_run(self, request: Request, pk: str) -> Response:
        """Return what would be sent of the first members now, and why not of whom."""
        destination = self.get_object()
        _refuse(request, services.heard_segments(destination))
        return Response(serializers.DryRunSerializer(services.dry_run(destination)).data)

    @extend_schema(
        parameters=[OpenApiParameter("profile", OpenApiTypes.UUID, required=True)],
        responses=serializers.TruthSerializer,
    )
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        query_parameters=("profile",),
    )
    def person(self, request: Request, pk: str) -> Response:
        """Return what the destination has of a person, what it was told, and why not."""
        uuid = validated(serializers.PersonSerializer(data=request.query_params))["profile"]
        destination = self.get_object()
        _refuse(request, services.heard_segments(destination))
        profile = generics.get_object_or_404(Profile, uuid=uuid)
        return Response(serializers.TruthSerializer(services.truth_of(destination, profile)).data)

    @extend_schema(responses=serializers.ToolsSerializer)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def tools(self, request: Request) -> Response:
        """List the tools that there are, with their settings and mappings."""
        content = serializers.ToolsSerializer.all_tools()
        return Response(serializers.ToolsSerializer(content).data)

    @extend_schema(responses=serializers.SentSerializer(many=True))
    @action(
        detail=True,
        queryset=Delivery.objects.all(),
        serializer_class=serializers.SentSerializer,
        filterset_class=SentFilter,
        cursor_ordering=("-id",),
    )
    def deliveries(self, request: Request, pk: str) -> Response:
        """List whom the destination was sent and what waits for it, the newest first."""
        # Actions on rows have another queryset.
        destination = generics.get_object_or_404(Destination, pk=self.kwargs["pk"])
        _refuse(request, services.heard_segments(destination))
        return self.page_of_rows(Delivery.objects.filter(webhook_id=destination.pk))


def _refuse(request: Request, segments: Iterable[Segment]) -> None:
    """Raise PermissionDenied where a destination sends or shows what the key may not read."""
    if not may_count_people(request):
        raise PermissionDenied(DESTINATION_REFUSAL)
    for segment in segments:
        refuse_sensitive_segment(request, segment)
