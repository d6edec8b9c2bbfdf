"""The API of retention: rules, what they will delete, and what nobody assigned."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.models import Anchor, Purpose, RetentionForecast, RetentionRule
from consent.retention.inventory import (
    described_stores,
    unassigned_categories,
    unassigned_events,
)
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from profiles.models import EventName, TraitDefinition
from profiles.models.access import Scope

MOST_LISTED = 1000


class RuleTermsSerializer(serializers.Serializer[Any]):
    """What a rule says; durations are of ISO 8601. What is left out stays as it is."""

    period = serializers.CharField(max_length=32, required=False)
    anchor = serializers.ChoiceField(Anchor.choices, required=False)
    grace = serializers.CharField(max_length=32, required=False)


class NewRuleSerializer(RuleTermsSerializer):
    """A new rule, on events of a name or traits of a category."""

    event = serializers.CharField(max_length=255, required=False)
    kind = serializers.ChoiceField(EventName.Kind.choices, required=False)
    category = serializers.ChoiceField(TraitDefinition.Category.choices, required=False)
    purpose = serializers.SlugRelatedField(slug_field="key", queryset=Purpose.objects.all())
    period = serializers.CharField(max_length=32)


class RuleSerializer(serializers.Serializer[RetentionRule]):
    """A rule with its newest terms. It acts once `approved_version` is its `version`."""

    id = serializers.UUIDField()
    event = serializers.CharField(source="event.name", default=None, allow_null=True)
    kind = serializers.CharField(source="event.kind", default=None, allow_null=True)
    category = serializers.CharField()
    purpose = serializers.CharField(source="purpose.key")
    period = serializers.CharField(source="current.period")
    anchor = serializers.CharField(source="current.anchor")
    grace = serializers.CharField(source="current.grace")
    version = serializers.IntegerField()
    approved_version = serializers.IntegerField()
    is_ended = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class ApprovalSerializer(serializers.Serializer[Any]):
    """The forecast that was looked at: of the rule as it is now, and not older than a day."""

    forecast = serializers.UUIDField()


class ForecastTimeSerializer(serializers.Serializer[Any]):
    """For when to count; tomorrow where nothing is said."""

    at = serializers.DateTimeField(required=False)


class UnitSerializer(serializers.Serializer[Any]):
    """What goes of one unit, were all its rules approved."""

    kind = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    rules = serializers.ListField(child=serializers.UUIDField())
    is_approved = serializers.BooleanField()
    rows = serializers.IntegerField()
    people = serializers.IntegerField()


class ForecastSerializer(serializers.Serializer[RetentionForecast]):
    """How many rows of how many people go by a time, by unit."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    made_at = serializers.DateTimeField()
    units = UnitSerializer(many=True)


class StoreLifetimeSerializer(serializers.Serializer[Any]):
    store = serializers.CharField()
    days = serializers.IntegerField()
    setting = serializers.CharField(allow_null=True)


class UnassignedEventSerializer(serializers.ModelSerializer[EventName]):
    class Meta:
        model = EventName
        fields = ["name", "kind"]


class InventorySerializer(serializers.Serializer[Any]):
    """What no rule is about. At most 1,000 events are listed."""

    events = UnassignedEventSerializer(many=True)
    categories = serializers.ListField(child=serializers.CharField())
    stores = StoreLifetimeSerializer(many=True)


class RuleFilter(StrictFilterSet):
    event = filters.CharFilter(field_name="event__name")
    purpose = filters.CharFilter(field_name="purpose__key")
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = RetentionRule
        fields = ["event", "category", "purpose", "is_ended", "created"]


class RetentionViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """How long purposes keep data. A new or changed rule deletes nothing until it is approved.

    DELETE ends a rule, which has to be approved like any other change.
    """

    scopes = {
        "GET": Scope.PRIVACY_ADMIN,
        "POST": Scope.PRIVACY_ADMIN,
        "PATCH": Scope.PRIVACY_ADMIN,
        "DELETE": Scope.PRIVACY_ADMIN,
    }
    refusals = {"approve": (409,)}
    queryset: Any = RetentionRule.objects.select_related("event", "purpose").prefetch_related(
        "versions"
    )
    serializer_class: Any = RuleSerializer
    filterset_class: Any = RuleFilter
    cursor_ordering = ("created_at", "id")

    @extend_schema(request=NewRuleSerializer, responses={201: RuleSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(NewRuleSerializer(data=request.data))
        unit = {name: fields.pop(name) for name in ("event", "kind", "category") if name in fields}
        purpose = fields.pop("purpose")
        with _problems():
            rule = services.create_rule(
                purpose=purpose,
                terms=services.RuleTerms(**fields),
                actor=actor_of(request),
                now=database_now(),
                **unit,
            )
        return Response(self._body_of(rule), status=status.HTTP_201_CREATED)

    @extend_schema(request=RuleTermsSerializer, responses=RuleSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give a rule other terms. It waits for its approval again."""
        changes = validated(RuleTermsSerializer(data=request.data, partial=True))
        return Response(self._change(request, is_ended=False, **changes))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a rule, once that is approved: it keeps nothing then."""
        self._change(request, is_ended=True)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=ApprovalSerializer, responses=RuleSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def approve(self, request: Request, pk: str) -> Response:
        """Let the newest version of a rule act, having seen a forecast with it."""
        fields = validated(ApprovalSerializer(data=request.data))
        forecast = RetentionForecast.objects.filter(pk=fields["forecast"]).first()
        if forecast is None:
            raise problem("forecast", "unknown_forecast", "There is no such forecast.")
        rule = self.get_object()
        with _problems():
            services.approve_rule(
                rule, forecast=forecast, actor=actor_of(request), now=database_now()
            )
        return Response(self._body_of(rule))

    @extend_schema(request=ForecastTimeSerializer, responses={201: ForecastSerializer})
    @action(detail=False, methods=["post"], filterset_class=None)
    def forecast(self, request: Request) -> Response:
        """Count what goes by a time, tomorrow by default. Nothing is deleted."""
        now = database_now()
        fields = validated(ForecastTimeSerializer(data=request.data))
        at = fields.get("at") or now + timedelta(days=1)
        made = services.make_forecast(at=at, now=now)
        return Response(ForecastSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=InventorySerializer)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def unassigned(self, request: Request) -> Response:
        """Return what no rule is about, and the stores that have lifetimes of their own."""
        inventory = {
            "events": unassigned_events()[:MOST_LISTED],
            "categories": unassigned_categories(),
            "stores": described_stores(),
        }
        return Response(InventorySerializer(inventory).data)

    def _change(self, request: Request, **changes: Any) -> dict[str, Any]:
        rule = self.get_object()
        with _problems():
            services.change_rule(
                rule,
                terms=replace(services.terms_of(rule), **changes),
                actor=actor_of(request),
                now=database_now(),
            )
        return self._body_of(rule)

    def _body_of(self, rule: RetentionRule) -> dict[str, Any]:
        # Read again: the prefetched versions lack a new one.
        return dict(
            self.get_serializer(generics.get_object_or_404(self.queryset.all(), pk=rule.pk)).data
        )


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except services.InvalidRule as error:
        raise problem(error.path, "invalid_rule", str(error)) from None
    except services.ForecastOutdated as error:
        raise problem("forecast", "forecast_outdated", str(error), 409) from None
