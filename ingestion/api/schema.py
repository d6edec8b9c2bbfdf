"""The registry of what messages are made of: `/api/v1/schema/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from ingestion.api import schema_filters as filters
from ingestion.api import schema_serializers as serializers
from ingestion.services import SchemaReview, TooManyNames, UnknownInReview, review_schema
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from profiles.models import EventName, SchemaKey, SchemaPart, TraitDefinition
from profiles.models.access import Scope
from profiles.services import (
    ReductionError,
    Review,
    figures_of_key,
    frequent_values,
    review_properties,
    review_traits,
    set_reduced,
    with_event_figures,
    with_figures,
    with_trait_figures,
)

SCOPES = {
    "GET": Scope.PROFILES_READ,
    "PATCH": Scope.PRIVACY_ADMIN,
    "POST": Scope.PRIVACY_ADMIN,
}


class RegistryEventViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[EventName]
):
    """Names of events, with what came of them."""

    scopes = SCOPES
    serializer_class: Any = serializers.RegistryEventSerializer
    filterset_class: Any = filters.RegistryEventFilter
    cursor_ordering = ("name", "id")
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = EventName.objects.all()

    def get_queryset(self) -> QuerySet[EventName]:
        return with_event_figures(EventName.objects.all(), now=database_now())

    @extend_schema(request=serializers.DecisionOnEventSerializer)
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """Say which event's net value this one reduces. What reads it is computed anew."""
        decision = validated(serializers.DecisionOnEventSerializer(data=request.data, partial=True))
        row = self.get_object()
        try:
            set_reduced(row, decision.get("reduces", row.reduces), actor=actor_of(request))
        except ReductionError as error:
            raise problem("reduces", "invalid", str(error)) from None
        return Response(self.get_serializer(self.get_object()).data)


class RegistryPropertyViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[SchemaKey]
):
    """Properties of events and parts of the context, those first that nobody reviewed."""

    scopes = SCOPES
    serializer_class: Any = serializers.RegistryPropertySerializer
    filterset_class: Any = filters.RegistryPropertyFilter
    cursor_ordering = ("is_reviewed", "path", "id")
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = SchemaKey.objects.all()

    def get_queryset(self) -> QuerySet[SchemaKey]:
        rows = SchemaKey.objects.exclude(part=SchemaPart.TRAIT).select_related("name")
        return with_figures(rows, now=database_now())

    @extend_schema(request=serializers.DecisionOnNameSerializer)
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """Decide about a property. From then on it is reviewed."""
        decision = validated(serializers.DecisionOnNameSerializer(data=request.data, partial=True))
        review_properties([self.get_object().uuid], Review(**decision), actor=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=serializers.RegistryFiguresSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def figures(self, request: Request, id: str) -> Response:  # noqa: A002
        """Return the last 30 days, the sources, and the frequent values of a property."""
        return _figures(self.get_object())


class RegistryTraitViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[TraitDefinition]
):
    """Traits, those first that nobody reviewed."""

    scopes = SCOPES
    serializer_class: Any = serializers.RegistryTraitSerializer
    filterset_class: Any = filters.RegistryTraitFilter
    cursor_ordering = ("is_reviewed", "key")
    lookup_field = "key"
    lookup_value_converter = "str"
    queryset = TraitDefinition.objects.all()

    def get_queryset(self) -> QuerySet[TraitDefinition]:
        return with_trait_figures(TraitDefinition.objects.all(), now=database_now())

    @extend_schema(request=serializers.DecisionOnTraitSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        """Decide about a trait. From then on it is reviewed."""
        decision = validated(serializers.DecisionOnTraitSerializer(data=request.data, partial=True))
        review_traits([self.get_object().key], Review(**decision), actor=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=serializers.RegistryFiguresSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def figures(self, request: Request, key: str) -> Response:
        """Return the last 30 days, the sources, and the frequent values of a trait."""
        row = SchemaKey.objects.filter(part=SchemaPart.TRAIT, path=self.get_object().key).first()
        if row is None:
            return Response({"days": [], "sources": [], "values": []})
        return _figures(row)


class SchemaReviewViewSet(ScopedView, GenericViewSet[SchemaKey]):
    """Decisions about many properties and traits at once."""

    scopes = SCOPES
    serializer_class = serializers.SchemaReviewSerializer
    pagination_class = None
    queryset = SchemaKey.objects.none()

    @extend_schema(responses={200: serializers.SchemaReviewedSerializer})
    def create(self, request: Request) -> Response:
        """Decide about up to 500 properties and traits: all of them, or none and 400."""
        fields = validated(self.get_serializer(data=request.data))
        try:
            counts = review_schema(SchemaReview(**fields), actor=actor_of(request))
        except UnknownInReview as unknown:
            raise problem(unknown.path, "unknown", "There is none.") from None
        except TooManyNames as error:
            raise problem("forbidden", "too_many", str(error)) from None
        return Response(serializers.SchemaReviewedSerializer(counts).data)


def _figures(key: SchemaKey) -> Response:
    figures = figures_of_key(key, now=database_now())
    days = [{"day": day, "messages": count} for day, count in sorted(figures.days.items())]
    content = {"days": days, "sources": figures.sources, "values": frequent_values(key)}
    return Response(serializers.RegistryFiguresSerializer(content).data)
