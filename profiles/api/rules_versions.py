"""Versions of the rules of identity: who made each, why, what it changed, and its file."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import get_language_from_request, override
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api import filters
from profiles.api.kit.access import ScopedView
from profiles.api.rules_serializers import IdentityRulesSerializer
from profiles.api.serializers import ActorSerializer
from profiles.models import IdentityRulesVersion, RulesApplication
from profiles.models.access import Scope
from profiles.services import VersionView, all_versions, as_plain, public_actors, view_versions


class RuleChangeSerializer(serializers.Serializer[Any]):
    """One difference from the version before; `path` is such as `email.limit`."""

    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    sentence = serializers.CharField()


class AppliedSerializer(serializers.Serializer[RulesApplication]):
    """The judging of older facts by a version."""

    id = serializers.UUIDField(source="uuid")
    state = serializers.ChoiceField(choices=RulesApplication.State.choices)
    progress = serializers.FloatField()


class RulesVersionSerializer(serializers.Serializer[Any]):
    """One version. `application` is null where it holds for facts after it alone.

    `actor` is null of versions that are older than their authors.
    """

    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    actor = ActorSerializer(allow_null=True)
    reason = serializers.CharField()
    changes = RuleChangeSerializer(many=True)
    application = AppliedSerializer(allow_null=True)


class RulesVersionDetailSerializer(RulesVersionSerializer):
    """One version, with the file that restores it."""

    rules = IdentityRulesSerializer()


class RulesVersionViewSet(ScopedView, GenericViewSet[IdentityRulesVersion]):
    """Versions of the rules, the latest first."""

    scopes = {"GET": Scope.PRIVACY_ADMIN}
    queryset = IdentityRulesVersion.objects.all()
    serializer_class: Any = RulesVersionSerializer
    filterset_class = filters.RulesVersionFilter
    cursor_ordering = ("-pk",)
    lookup_url_kwarg = "number"
    lookup_value_converter = "int"

    def get_queryset(self) -> Any:
        return all_versions()

    def list(self, request: Request) -> Response:
        """List versions, each with what it changed in the language of `Accept-Language`."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        with override(get_language_from_request(request)):
            rows = plain_versions(view_versions(page or ()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses=RulesVersionDetailSerializer)
    def retrieve(self, request: Request, number: int) -> Response:
        """Return one version with its rules: the content of a file that `plan` and `apply` take."""
        version = self.get_object()
        with override(get_language_from_request(request)):
            [view] = view_versions([version])
            [plain] = plain_versions([view])
        plain["rules"] = as_plain(view.document)
        return Response(RulesVersionDetailSerializer(plain).data)


def plain_versions(views: Iterable[VersionView]) -> list[dict[str, Any]]:
    """Return versions as the serializers have them."""
    views = list(views)
    actors = public_actors(view.version.actor for view in views if view.version.actor)
    return [
        {
            "number": view.version.pk,
            "created_at": view.version.created_at,
            "actor": _actor(actors.get(view.version.actor)),
            "reason": view.version.reason,
            "changes": [change._asdict() for change in view.changes],
            "application": view.application,
        }
        for view in views
    ]


def _actor(actor: Any) -> dict[str, str] | None:
    return None if actor is None else {"kind": str(actor.kind), "id": actor.id}
