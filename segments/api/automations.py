"""Automations: `/api/v1/automations/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from profiles.lib.database import database_now
from segments import services
from segments.api import automation_serializers as serializers
from segments.api.automation_visibility import refuse_sending, refuse_sensitive_automation
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.models import Automation, AutomationRun


class AutomationFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = Automation
        fields = ["key", "name", "status"]


class RunFilter(StrictFilterSet):
    started = TimeRangeFilter(field_name="started_at")

    class Meta:
        model = AutomationRun
        fields = ["state", "reason", "step", "version"]


class AutomationViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """What is done to people once something happens: a trigger, and steps that follow.

    Each step is decided once for each run. Messages leave only for who permits the purpose at that
    instant: mails at most once, calls of webhooks at least once under one id.
    """

    scopes = SCOPES
    bodiless_actions = ("pause", "resume", "archive")
    refusals = {"pause": (409,), "resume": (409,), "archive": (409,), "publish": (409,)}
    queryset: Any = Automation.objects.select_related("purpose")
    serializer_class: Any = serializers.AutomationSerializer
    filterset_class: Any = AutomationFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    @extend_schema(responses=serializers.AutomationNumbersSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        row = self._visible(request)
        body = self.get_serializer(row).data
        steps = {
            step: serializers.StepNumbersSerializer(numbers).data
            for step, numbers in services.step_numbers(row).items()
        }
        groups = {
            name: serializers.GroupNumbersSerializer(numbers).data
            for name, numbers in services.group_numbers(row).items()
        }
        numbers = {"runs": services.run_numbers(row), "steps": steps, "groups": groups}
        return Response(body | numbers)

    @extend_schema(responses={201: serializers.AutomationSerializer})
    def create(self, request: Request) -> Response:
        """Make a draft."""
        fields = validated(self.get_serializer(data=request.data))
        refuse_sensitive_automation(request, fields["definition"])
        refuse_sending(request, fields["definition"])
        with problems_from_services():
            row = services.create_automation(actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.AutomationChangeSerializer, responses=serializers.AutomationSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        """Change what is saved; new runs follow it once it is published."""
        serializer = serializers.AutomationChangeSerializer(data=request.data, partial=True)
        changes = validated(serializer)
        row = self._visible(request)
        refuse_sensitive_automation(request, changes.get("definition", {}))
        refuse_sending(request, changes.get("definition", {}))
        with problems_from_services():
            row = services.update_automation(row, actor=actor_of(request), changes=changes)
        return Response(self.get_serializer(row).data)

    @extend_schema(responses=serializers.AutomationTemplateSerializer(many=True))
    @action(detail=False, filterset_class=None, pagination_class=None)
    def templates(self, request: Request) -> Response:
        """List the automations that are ready to be installed."""
        templates = services.templates()
        return Response(serializers.AutomationTemplateSerializer(templates, many=True).data)

    @extend_schema(
        request=serializers.InstallSerializer, responses={201: serializers.AutomationSerializer}
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def install(self, request: Request) -> Response:
        """Install a template as a draft, with the segments that it needs."""
        fields = validated(serializers.InstallSerializer(data=request.data))
        with problems_from_services():
            row = services.install_template(
                fields["template"], purpose=fields["purpose"], actor=actor_of(request)
            )
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.PublishSerializer, responses=serializers.AutomationSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def publish(self, request: Request, key: str) -> Response:
        """Let new runs follow what is saved; people on their way stay on their version, or move."""
        fields = validated(serializers.PublishSerializer(data=request.data))
        row = self._visible(request)
        with problems_from_services(status=409):
            row = services.publish_automation(row, actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses=serializers.AutomationSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, key: str) -> Response:
        """Start nobody, and leave those on their way where they are."""
        with problems_from_services(status=409):
            row = services.pause_automation(self._visible(request), actor=actor_of(request))
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses=serializers.AutomationSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, key: str) -> Response:
        """Go on: what was due meanwhile is done now."""
        with problems_from_services(status=409):
            row = services.resume_automation(self._visible(request), actor=actor_of(request))
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses=serializers.AutomationSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def archive(self, request: Request, key: str) -> Response:
        """End the automation for good, with all who are on their way."""
        with problems_from_services(status=409):
            row = services.archive_automation(self._visible(request), actor=actor_of(request))
        return Response(self.get_serializer(row).data)

    @extend_schema(
        request=serializers.AutomationTrialRequestSerializer,
        responses=serializers.AutomationTrialSerializer,
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, key: str) -> Response:
        """Let a made-up person run through what is saved. Nothing leaves, and nothing stays."""
        fields = validated(serializers.AutomationTrialRequestSerializer(data=request.data))
        row = self._visible(request)
        with problems_from_services():
            trial = services.try_automation(row, now=database_now(), **fields)
        return Response(serializers.AutomationTrialSerializer(trial).data)

    @extend_schema(request=serializers.PastSerializer, responses=serializers.StartsByDaySerializer)
    @action(detail=True, methods=["post"], url_path="dry-run", filterset_class=None)
    def dry_run(self, request: Request, key: str) -> Response:
        """Say how many people would have started on each of the last days, at most."""
        days = validated(serializers.PastSerializer(data=request.data))["days"]
        row = self._visible(request)
        with problems_from_services():
            program = services.parse_automation(row.definition)
            past = services.starts_by_day(program, days=days, now=database_now())
        return Response(serializers.StartsByDaySerializer({"days": past}).data)

    @extend_schema(responses=serializers.AutomationRunSerializer(many=True))
    @action(
        detail=True,
        queryset=AutomationRun.objects.all(),
        serializer_class=serializers.AutomationRunSerializer,
        filterset_class=RunFilter,
        cursor_ordering=("-id",),
    )
    def runs(self, request: Request, key: str) -> Response:
        """List who is or was on their way, the newest first."""
        row = self._visible(request)
        return self.page_of_rows(AutomationRun.objects.filter(automation=row))

    def _visible(self, request: Request) -> Automation:
        """Return the automation that is named. Actions on rows have another queryset."""
        rows: QuerySet[Automation] = Automation.objects.select_related("purpose")
        row = generics.get_object_or_404(rows, key=self.kwargs["key"])
        refuse_sensitive_automation(request, row.definition)
        return row
