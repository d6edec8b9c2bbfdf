"""Exclusive groups of segments: `/api/v1/exclusive-groups/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from segments import services
from segments.api import override_serializers as serializers
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import refuse_sensitive_keys
from segments.models import ExclusiveGroup
from segments.overrides.groups import segments_of


class ExclusiveGroupFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = ExclusiveGroup
        fields = ["key", "name"]


class ExclusiveGroupViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Groups of segments of which a person is in one at most: in the first that would have them.

    Whoever is included by hand in one is in that one. The size of one tells how many people another
    takes from it, so that only a key that may read people groups what asks for contact or special
    data.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy",)
    queryset: Any = ExclusiveGroup.objects.all()
    serializer_class: Any = serializers.ExclusiveGroupSerializer
    filterset_class: Any = ExclusiveGroupFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"

    @extend_schema(responses={201: serializers.ExclusiveGroupSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        refuse_sensitive_keys(request, fields["segments"])
        with problems_from_services():
            group = services.create_group(actor=actor_of(request), **fields)
        return Response(self.get_serializer(group).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.ExclusiveGroupChangeSerializer,
        responses=serializers.ExclusiveGroupSerializer,
    )
    def partial_update(self, request: Request, key: str) -> Response:
        body = serializers.ExclusiveGroupChangeSerializer(data=request.data, partial=True)
        changes = validated(body)
        group = self.get_object()
        if "segments" in changes:
            refuse_sensitive_keys(request, [*changes["segments"], *_keys_of(group)])
        with problems_from_services():
            group = services.update_group(group, actor=actor_of(request), changes=changes)
        return Response(self.get_serializer(group).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        group = self.get_object()
        refuse_sensitive_keys(request, _keys_of(group))
        services.delete_group(group, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _keys_of(group: ExclusiveGroup) -> list[str]:
    return [row.key for row in segments_of(group)]
