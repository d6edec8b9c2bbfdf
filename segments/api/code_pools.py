"""Pools of codes: `/api/v1/code-pools/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from segments import services
from segments.api import code_serializers as serializers
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.models import CodePool


class CodePoolFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")
    expires = TimeRangeFilter(field_name="expires_at")

    class Meta:
        model = CodePool
        fields = ["key", "name", "event"]


class CodePoolViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Codes, such as vouchers, that automations give to people: each to one person at most.

    No answer has a code that waits to be given.
    """

    scopes = SCOPES
    queryset: Any = CodePool.objects.all()
    serializer_class: Any = serializers.CodePoolSerializer
    filterset_class: Any = CodePoolFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"

    @extend_schema(responses=serializers.StockedPoolSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        return Response(serializers.StockedPoolSerializer(self.get_object()).data)

    @extend_schema(responses={201: serializers.CodePoolSerializer})
    def create(self, request: Request) -> Response:
        """Make an empty pool."""
        fields = validated(self.get_serializer(data=request.data))
        with problems_from_services():
            row = services.create_pool(actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.CodePoolChangeSerializer, responses=serializers.CodePoolSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        """Change a pool. Codes that were given stay given."""
        changes = validated(serializers.CodePoolChangeSerializer(data=request.data, partial=True))
        with problems_from_services():
            row = services.update_pool(self.get_object(), actor=actor_of(request), changes=changes)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=serializers.CodesSerializer, responses=serializers.AddedCodesSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def add(self, request: Request, key: str) -> Response:
        """Put up to 10,000 codes into the pool. One that is in it already stays as it is."""
        codes = validated(serializers.CodesSerializer(data=request.data))["codes"]
        with problems_from_services():
            added = services.add_codes(self.get_object(), codes, actor=actor_of(request))
        return Response({"added": added})

    @extend_schema(
        request=serializers.NewCodesSerializer, responses=serializers.AddedCodesSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def generate(self, request: Request, key: str) -> Response:
        """Put new codes of chance into the pool, without letters and digits that look alike."""
        fields = validated(serializers.NewCodesSerializer(data=request.data))
        with problems_from_services():
            added = services.generate_codes(self.get_object(), actor=actor_of(request), **fields)
        return Response({"added": added})
