"""The audit: who changed what."""

from typing import Any

from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from profiles.api import filters, serializers
from profiles.api.kit.access import ScopedView
from profiles.audit import Actor, public_actors
from profiles.models import AuditEntry
from profiles.models.access import Scope


class AuditViewSet(ScopedView, mixins.ListModelMixin, GenericViewSet[AuditEntry]):
    """Changes and who made them, the latest first.

    Of people the entries have only the names of what changed. Their reason and the id of the
    profile end with an erasure.
    """

    scopes = {"GET": Scope.PRIVACY_ADMIN}
    queryset = AuditEntry.objects.select_related("body")
    serializer_class = serializers.AuditEntrySerializer
    filterset_class = filters.AuditFilter
    cursor_ordering = ("-id",)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page whose entries have their `actor`, as the API names it."""
        page = super().paginate_queryset(queryset) or []
        references = [str(Actor.of(entry)) for entry in page]
        actors = public_actors(references)
        for entry, reference in zip(page, references, strict=True):
            entry.actor = actors[reference]
        return page
