"""Traits that are computed from events: `/api/v1/computed-traits/`."""

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
from segments.api import computed_serializers as serializers
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.models import ComputedTrait


class ComputedTraitFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = ComputedTrait
        fields: list[str] = []


class ComputedTraitViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Traits whose values are an aggregate of a person's events, kept up as events come.

    They are read like other traits: on profiles, in segments, in mappings. A new definition reaches
    those who are here one after another; `is_complete` says whether all are done.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy",)
    refusals = {"destroy": (409,)}
    queryset: Any = ComputedTrait.objects.select_related("trait")
    serializer_class: Any = serializers.ComputedTraitSerializer
    filterset_class: Any = ComputedTraitFilter
    cursor_ordering = ("pk",)
    lookup_field = "trait__key"
    lookup_url_kwarg = "key"
    lookup_value_regex = "[a-z][a-z0-9_]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    @extend_schema(responses={201: serializers.ComputedTraitSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        with problems_from_services():
            row = services.create_computed_trait(actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.ComputedTraitChangeSerializer,
        responses=serializers.ComputedTraitSerializer,
    )
    def partial_update(self, request: Request, key: str) -> Response:
        body = serializers.ComputedTraitChangeSerializer(data=request.data, partial=True)
        changes = validated(body)
        with problems_from_services():
            row = services.update_computed_trait(
                self.get_object(), actor=actor_of(request), changes=changes
            )
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        """Let the trait end: workers take its values away. One that segments ask for stays."""
        with problems_from_services(status=409):
            services.end_computed_trait(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
