"""Identity health: figures that tell whether people are joined well, without labels."""

from typing import Any

from django.db import OperationalError
from django.utils.translation import get_language_from_request, override
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView
from profiles.api.kit.problems import unavailable
from profiles.health.checks import Finding, Health
from profiles.health.measure import Measured
from profiles.lib.database import database_now
from profiles.lib.faults import fault_of
from profiles.models import HealthMeasure
from profiles.models.access import Scope
from profiles.services import find_health, trends


class MeasuredSerializer(serializers.Serializer[Measured]):
    """What one day's measure was, in percent."""

    day = serializers.DateField()
    value = serializers.FloatField()


class HealthFindingSerializer(serializers.Serializer[Finding]):
    """One figure: `value` is the percentage of `people`; it should be from `low` to `high`.

    `cases` are up to twenty of the people who were counted, the largest first. `trend` has the last
    ninety days.
    """

    key = serializers.CharField(source="check.key")
    title = serializers.CharField(source="check.title")
    value = serializers.FloatField()
    low = serializers.FloatField(source="check.low")
    high = serializers.FloatField(source="check.high")
    people = serializers.IntegerField()
    state = serializers.ChoiceField([each.value for each in Health], source="health")
    advice = serializers.CharField(source="check.advice")
    cases = serializers.ListField(child=serializers.UUIDField())
    trend = serializers.SerializerMethodField()

    @extend_schema_field(MeasuredSerializer(many=True))
    def get_trend(self, finding: Finding) -> list[dict[str, Any]]:
        measured = self.context["trends"].get(finding.check.key, [])
        return [dict(MeasuredSerializer(each).data) for each in measured]


@extend_schema_serializer(many=False)
class IdentityHealthSerializer(serializers.Serializer[Any]):
    """What a sample of people tells."""

    looked_at = serializers.DateTimeField()
    checks = HealthFindingSerializer(many=True)


class IdentityHealthViewSet(ScopedView, GenericViewSet[HealthMeasure]):
    """Whether people are joined well."""

    scopes = {"GET": Scope.PROFILES_READ}
    queryset = HealthMeasure.objects.none()
    serializer_class: Any = IdentityHealthSerializer
    filter_exemption = "All figures are one document."
    pagination_class = None
    refusals = {"list": (503,)}

    @extend_schema(responses=IdentityHealthSerializer, operation_id="v1_identity_health_retrieve")
    def list(self, request: Request) -> Response:
        """Return each figure with its range, some of its cases, and what to do.

        A sample of 20,000 people is looked at now; restricted people are in none. Titles and
        advice are in the language of `Accept-Language`.
        """
        try:
            findings = find_health()
        except OperationalError as error:
            fault_of(error)
            raise unavailable(
                "too_slow", "Looking at people takes too long now.", retry_seconds=60
            ) from None
        context = {"trends": trends()}
        with override(get_language_from_request(request)):
            checks = [HealthFindingSerializer(each, context=context).data for each in findings]
        looked_at = serializers.DateTimeField().to_representation(database_now())
        return Response({"looked_at": looked_at, "checks": checks})
