"""Quarantined identifiers: what too many people wanted, and how staff or a service ends it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles import reads
from profiles.api import filters, serializers
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import validated
from profiles.models import Identifier
from profiles.models.access import Scope
from profiles.services import release_quarantine


class QuarantineViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[Identifier]):
    """Identifiers that name nobody, since too many people wanted them; the latest first."""

    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_WRITE}
    queryset = Identifier.objects.filter(quarantined_at__isnull=False).prefetch_related("profile")
    serializer_class: Any = serializers.QuarantineSerializer
    filterset_class = filters.QuarantineFilter
    cursor_ordering = ("-quarantined_at", "-id")
    lookup_value_converter = "uuid"

    @extend_schema(
        request=serializers.ReleaseSerializer, responses=serializers.QuarantineSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def release(self, request: Request, pk: str) -> Response:
        """Let facts use the identifier again, and forget who wanted it before."""
        fields = validated(serializers.ReleaseSerializer(data=request.data))
        identifier = self._find(pk)
        release_quarantine(identifier, actor=actor_of(request), **fields)
        identifier.refresh_from_db()
        return Response(self.get_serializer(identifier).data)

    def _find(self, public_id: str) -> Identifier:
        """Return the identifier with an opaque id. Raises NotFound."""
        # An opaque id cannot be looked up: derive those of all quarantined ones, which are few.
        for identifier in self.get_queryset():
            if str(reads.public_id(identifier)) == str(public_id):
                return identifier
        raise NotFound("No quarantined identifier has this id.")
