"""Forbidden names: `/api/v1/schema/forbidden-names/`."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.viewsets import GenericViewSet

from ingestion.api import schema_filters as filters
from ingestion.api import schema_serializers as serializers
from ingestion.models import ForbiddenName
from ingestion.services import forbid_name, permit_name
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem, validated
from profiles.models.access import Scope


class ForbiddenNameViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[ForbiddenName]):
    """Names of properties and traits under which nothing is taken."""

    scopes = dict.fromkeys(("GET", "POST"), Scope.PRIVACY_ADMIN)
    queryset = ForbiddenName.objects.select_related("source")
    serializer_class = serializers.ForbiddenNameSerializer
    filterset_class: Any = filters.ForbiddenNameFilter
    cursor_ordering = ("name", "id")

    def create(self, request: Request) -> Response:
        """Take nothing under a name any more. 400 where it is forbidden already."""
        forbidden = ForbiddenName(**validated(self.get_serializer(data=request.data)))
        try:
            forbid_name(forbidden, actor=actor_of(request))
        except ValidationError as error:
            raise problem("name", "invalid", " ".join(error.messages)) from None
        forbidden.refresh_from_db()
        return Response(self.get_serializer(forbidden).data, HTTP_201_CREATED)

    @extend_schema(responses={200: serializers.ForbiddenNameSerializer})
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def permit(self, request: Request) -> Response:
        """Take what comes under a name again. 400 where it is not forbidden."""
        fields = validated(self.get_serializer(data=request.data))
        forbidden = ForbiddenName.objects.filter(**fields).first()
        if forbidden is None:
            raise problem("name", "unknown", "It is not forbidden.")
        permitted = self.get_serializer(forbidden).data
        permit_name(forbidden, actor=actor_of(request))
        return Response(permitted)
