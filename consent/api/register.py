"""The register of processing, for the systems of a data protection office."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.models import LegalBasis, Purpose
from profiles.api.kit.access import ScopedView
from profiles.lib.database import database_now
from profiles.models.access import Scope


class ControllerOfRegisterSerializer(serializers.Serializer[Any]):
    """Who decides, how to reach them, and their data protection officer."""

    name = serializers.CharField()
    contact = serializers.CharField()
    data_protection_officer = serializers.CharField()


class ActivitySerializer(serializers.Serializer[Any]):
    """One purpose as its current version has it."""

    key = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    legal_basis = serializers.ChoiceField(LegalBasis.choices)
    special_basis = serializers.CharField()
    categories = serializers.ListField(child=serializers.CharField())
    recipients = serializers.ListField(child=serializers.CharField())
    transfer_countries = serializers.ListField(child=serializers.CharField())
    retention = serializers.CharField()
    validity = serializers.CharField()
    is_direct_marketing = serializers.BooleanField()
    is_profiling = serializers.BooleanField()
    is_automated_decision = serializers.BooleanField()


class RecipientSerializer(serializers.Serializer[Any]):
    """A receiver; `purpose` is empty where there is none."""

    name = serializers.CharField()
    kind = serializers.CharField()
    place = serializers.CharField()
    purpose = serializers.CharField()


class DataClassSerializer(serializers.Serializer[Any]):
    """One kind of rows about people, and why any outlive an erasure."""

    title = serializers.CharField()
    given = serializers.ListField(child=serializers.CharField())
    observed = serializers.ListField(child=serializers.CharField())
    inferred = serializers.ListField(child=serializers.CharField())
    kept = serializers.CharField()


class KeptForSerializer(serializers.Serializer[Any]):
    """One retention rule in force."""

    purpose = serializers.CharField()
    unit = serializers.CharField()
    period = serializers.CharField()
    anchor = serializers.CharField()


class LifetimeSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField()
    days = serializers.IntegerField()


@extend_schema_serializer(many=False)
class RegisterSerializer(serializers.Serializer[Any]):
    """The register of article 30."""

    made_at = serializers.DateTimeField()
    controller = ControllerOfRegisterSerializer()
    activities = ActivitySerializer(many=True)
    sources = serializers.ListField(child=serializers.CharField())
    recipients = RecipientSerializer(many=True)
    data_classes = DataClassSerializer(many=True)
    retention = KeptForSerializer(many=True)
    lifetimes = LifetimeSerializer(many=True)
    safeguards = serializers.ListField(child=serializers.CharField())


class RegisterViewSet(ScopedView, GenericViewSet[Purpose]):
    """The register of processing activities (article 30)."""

    scopes = {"GET": Scope.PRIVACY_ADMIN}
    queryset = Purpose.objects.none()
    serializer_class: Any = RegisterSerializer
    filter_exemption = "All of it is one document."
    pagination_class = None

    @extend_schema(responses=RegisterSerializer, operation_id="v1_privacy_register_retrieve")
    def list(self, request: Request) -> Response:
        """Return the register as it is now, made of what the store itself goes by."""
        register = services.make_register(now=database_now())
        return Response(RegisterSerializer(register).data)
