"""Tracking plans of sources: `/api/v1/sources/{key}/plan/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from ingestion.api import plan_serializers as serializers
from ingestion.models import TrackingPlan
from ingestion.services import (
    PlanFaults,
    check_plan,
    draft_plan,
    plan_in_force,
    recent_bodies,
    save_plan,
)
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import Problem, validated
from profiles.lib import exact_json
from profiles.models import Source
from profiles.models.access import Scope


class PlanViewSet(ScopedView, ViewSet):
    """What a source should send, and what becomes of messages that break it."""

    scopes = dict.fromkeys(("GET", "PUT", "POST"), Scope.PRIVACY_ADMIN)
    bodiless_actions = ("draft",)

    @extend_schema(responses=serializers.PlanSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """Return the plan in force. 404 where the source has none."""
        plan = _plan_or_404(_source(key))
        return Response(serializers.PlanSerializer(plan).data)

    @extend_schema(request=serializers.PlanContentSerializer, responses=serializers.PlanSerializer)
    def update(self, request: Request, key: str) -> Response:
        """Put a plan in force within a second. The same again makes no new version.

        A bad schema is 400 with its path. Messages that are refused can be mended and replayed.
        """
        fields = validated(serializers.PlanContentSerializer(data=request.data))
        with _problems_of_plans():
            plan = save_plan(_source(key), fields["content"], actor=actor_of(request))
        return Response(serializers.PlanSerializer(plan).data)

    @extend_schema(
        request=serializers.PlanCheckSerializer, responses=serializers.PlanReportSerializer
    )
    def check(self, request: Request, key: str) -> Response:
        """Judge messages by a plan and change nothing: those given, or the last ones taken."""
        fields = validated(serializers.PlanCheckSerializer(data=request.data))
        source = _source(key)
        content = fields["content"] if "content" in fields else _plan_or_404(source).content
        with _problems_of_plans():
            report = check_plan(content, _bodies(source, fields))
        return Response(serializers.PlanReportSerializer(report).data)

    @extend_schema(request=None, responses=serializers.PlanDraftSerializer)
    def draft(self, request: Request, key: str) -> Response:
        """Make a plan of the last messages that were taken, and save nothing.

        It names the properties of each event with their types, requires those that all had, and
        flags what breaks it. It has no values.
        """
        draft = draft_plan(_source(key))
        return Response(serializers.PlanDraftSerializer(draft).data)


def _bodies(source: Source, fields: dict[str, Any]) -> Iterator[bytes]:
    if "messages" in fields:
        return map(exact_json.dump_bytes, fields["messages"])
    return iter(recent_bodies(source))


def _source(key: str) -> Source:
    return get_object_or_404(Source, key=key)


def _plan_or_404(source: Source) -> TrackingPlan:
    plan = plan_in_force(source)
    if plan is None:
        raise NotFound
    return plan


@contextmanager
def _problems_of_plans() -> Iterator[None]:
    try:
        yield
    except PlanFaults as error:
        faults = [
            {
                "path": f"content.{fault.path}".rstrip("."),
                "code": fault.code,
                "detail": fault.detail,
            }
            for fault in error.faults
        ]
        raise Problem(faults) from None
