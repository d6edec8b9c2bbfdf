"""Webhooks: `/api/v1/webhooks/`."""

from collections.abc import Iterable
from typing import Any

import django_filters as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from segments import services
from segments.api import webhook_serializers as serializers
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import may_count_people, refuse_sensitive_segment
from segments.models import Delivery, Segment, Webhook, WebhookEvent

OF_PEOPLE = {
    WebhookEvent.PROFILE_MERGED,
    WebhookEvent.PROFILE_UNMERGED,
    WebhookEvent.CONSENT_CHANGED,
    WebhookEvent.ERASURE_REQUESTED,
}
REFUSAL = "Events beside those of segments need profiles:read, too: they tell about everybody."


class WebhookFilter(StrictFilterSet):
    is_paused = filters.BooleanFilter(field_name="paused_at", lookup_expr="isnull", exclude=True)
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = Webhook
        fields = ["name"]


class DeliveryFilter(StrictFilterSet):
    segment = filters.CharFilter(field_name="segment__key")
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = Delivery
        fields = ["state", "event"]


class WebhookViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Receivers of what happens to people: who enters and leaves segments, merges, consents.

    Each call is signed in the form of Standard Webhooks, is made at least once under the same id,
    and for one person in the order of what happened. Entries leave only for who permits it at that
    instant, exits always.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy", "rotate", "test", "pause", "resume")
    queryset: Any = Webhook.objects.filter(destination=None).select_related("purpose")
    serializer_class: Any = serializers.WebhookSerializer
    filterset_class: Any = WebhookFilter
    cursor_ordering = ("name", "id")
    lookup_value_converter = "uuid"

    @extend_schema(
        request=serializers.WebhookSerializer, responses={201: serializers.NewWebhookSerializer}
    )
    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        _refuse(request, fields["events"], fields.get("segments", ()))
        with problems_from_services():
            webhook, secret = services.create_webhook(actor=actor_of(request), **fields)
        body = self.get_serializer(webhook).data | {"secret": secret}
        return Response(body, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        changes = validated(self.get_serializer(data=request.data, partial=True))
        webhook = self.get_object()
        segments = changes.get("segments", services.heard_segments(webhook))
        # A changed address would be told what the former one is.
        _refuse(request, changes.get("events", webhook.events), segments)
        with problems_from_services():
            webhook = services.update_webhook(webhook, actor=actor_of(request), changes=changes)
        return Response(self.get_serializer(webhook).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """End a webhook, with what waits for it."""
        services.delete_webhook(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=serializers.WebhookSecretSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def rotate(self, request: Request, pk: str) -> Response:
        """Give the webhook a new secret. The former one signs, too, for a day."""
        webhook = self.get_object()
        _refuse(request, webhook.events, services.heard_segments(webhook))
        secret = services.rotate_secret(webhook, actor=actor_of(request))
        webhook.refresh_from_db()
        body = {"secret": secret, "former_until": webhook.former_until}
        return Response(serializers.WebhookSecretSerializer(body).data)

    @extend_schema(request=None, responses=serializers.WebhookTestSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: str) -> Response:
        """Call the webhook with the event `webhook.test`, which is about nobody."""
        outcome = services.send_test(self.get_object())
        return Response(serializers.WebhookTestSerializer(outcome).data)

    @extend_schema(request=None, responses=serializers.WebhookSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: str) -> Response:
        """Call the webhook no more. What changes waits."""
        webhook = services.pause_webhook(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(webhook).data)

    @extend_schema(request=None, responses=serializers.WebhookSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Call the webhook again: what waits is sent, and what it missed is told."""
        webhook = services.resume_webhook(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(webhook).data)

    @extend_schema(request=serializers.ReplaySerializer, responses=serializers.ReplayedSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def replay(self, request: Request, pk: str) -> Response:
        """Send again what was sent since a time, under the same ids. Entries ask the gate again."""
        since = validated(serializers.ReplaySerializer(data=request.data))["since"]
        webhook = self.get_object()
        _refuse(request, webhook.events, services.heard_segments(webhook))
        count = services.replay(webhook, since=since, actor=actor_of(request))
        return Response(serializers.ReplayedSerializer({"deliveries": count}).data)

    @extend_schema(responses=serializers.DeliverySerializer(many=True))
    @action(
        detail=True,
        queryset=Delivery.objects.all(),
        serializer_class=serializers.DeliverySerializer,
        filterset_class=DeliveryFilter,
        cursor_ordering=("-id",),
    )
    def deliveries(self, request: Request, pk: str) -> Response:
        """List what the webhook was told and what waits for it, the newest first."""
        # Actions on rows have another queryset.
        webhook = generics.get_object_or_404(
            Webhook.objects.filter(destination=None), pk=self.kwargs["pk"]
        )
        _refuse(request, webhook.events, services.heard_segments(webhook))
        return self.page_of_rows(Delivery.objects.filter(webhook=webhook).select_related("segment"))


def _refuse(request: Request, events: Iterable[str], segments: Iterable[Segment]) -> None:
    """Raise PermissionDenied where the webhook hears what the key may not read."""
    if not may_count_people(request) and OF_PEOPLE.intersection(events):
        raise PermissionDenied(REFUSAL)
    for segment in segments:
        refuse_sensitive_segment(request, segment)
