"""Webhooks of shops and tools: `/api/v1/hooks/`, and their mappings: `/api/v1/hook-mappings/`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django_filters.rest_framework import CharFilter, ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT
from rest_framework.viewsets import GenericViewSet, ViewSet

from ingestion import services
from ingestion.api import hook_serializers as serializers
from ingestion.models import Hook
from ingestion.services import WrongMapping, preset_keys
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet
from profiles.api.kit.problems import Problem, problem, validated
from profiles.lib import exact_json
from profiles.models.access import Scope

# What is sent to an address may speak with the trust of a server.
SCOPES = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.PRIVACY_ADMIN)


class HookFilter(StrictFilterSet):
    """Filters of webhooks."""

    source = CharFilter("source__key", help_text="The key of the source.")
    preset = ChoiceFilter(choices=[(key, key) for key in preset_keys()], help_text="The tool.")

    class Meta:
        model = Hook
        fields: list[str] = []


@contextmanager
def faults_as_problems() -> Iterator[None]:
    """Answer with the path of what is wrong with a webhook or its mapping."""
    try:
        yield
    except WrongMapping as wrong:
        raise problem(wrong.path, "wrong_mapping", f"Must be {wrong.detail}.") from None
    except ValidationError as error:
        raise Problem(
            [
                {"path": path, "code": "invalid", "detail": text}
                for path, texts in error.message_dict.items()
                for text in texts
            ]
        ) from None


class HookViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Hook],
):
    """The addresses to which shops and tools send, by the key of their source."""

    scopes = SCOPES
    bodiless_actions = ("destroy", "rotate")
    queryset = Hook.objects.select_related("source")
    serializer_class: Any = serializers.HookSerializer
    filterset_class: Any = HookFilter
    cursor_ordering = ("source__key",)
    lookup_field = "source__key"
    lookup_url_kwarg = "key"
    lookup_value_converter = "slug"

    @extend_schema(
        request=serializers.NewHookSerializer,
        responses={HTTP_201_CREATED: serializers.MadeHookSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a source with an address, which is in this response alone."""
        fields = validated(serializers.NewHookSerializer(data=request.data))
        with faults_as_problems():
            source, token = services.register_hook(actor=actor_of(request), **fields)
        return _with_address(request, Hook.objects.get(source=source), token)

    @extend_schema(request=serializers.HookChangesSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        """Change what deliveries mean from now on, or the secret by which they are signed."""
        changes = validated(serializers.HookChangesSerializer(data=request.data))
        with faults_as_problems():
            services.change_hook(self.get_object(), actor=actor_of(request), **changes)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses={HTTP_204_NO_CONTENT: None})
    def destroy(self, request: Request, key: str) -> Response:
        """Take nothing more to the address. The source stays, with what it said."""
        services.delete_hook(self.get_object(), actor=actor_of(request))
        return Response(status=HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={HTTP_201_CREATED: serializers.MadeHookSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def rotate(self, request: Request, key: str) -> Response:
        """Make another address, in this response alone; the former one is unknown at once.

        Until the tool knows it, its deliveries are answered 404, and most tools send them again.
        """
        hook = self.get_object()
        token = services.replace_address(hook, actor=actor_of(request))
        hook.refresh_from_db()
        return _with_address(request, hook, token)

    @extend_schema(
        request=serializers.HookDeliverySerializer, responses=serializers.HookTrialSerializer
    )
    @action(detail=True, methods=["post"], url_path="try", filterset_class=None)
    def try_out(self, request: Request, key: str) -> Response:
        """Return what a delivery would become by the mapping in force, and store nothing.

        400 for a tool that has a mapping already.
        """
        fields = validated(serializers.HookDeliverySerializer(data=request.data))
        hook = self.get_object()
        if not hook.kinds:
            raise problem("", "no_own_mapping", "This tool has a mapping already.")
        return _tried(hook.kinds, fields)


class HookMappingViewSet(ScopedView, ViewSet):
    """Mappings of deliveries that are not in force: tried, or proposed. Nothing is stored."""

    scopes = {"POST": Scope.PRIVACY_ADMIN}

    @extend_schema(
        request=serializers.MappedDeliverySerializer, responses=serializers.HookTrialSerializer
    )
    @action(detail=False, methods=["post"], url_path="try")
    def try_out(self, request: Request) -> Response:
        """Return what a delivery would become by a mapping."""
        fields = validated(serializers.MappedDeliverySerializer(data=request.data))
        return _tried(fields["kinds"], fields)

    @extend_schema(
        request=serializers.HookDeliverySerializer, responses=serializers.ProposedKindsSerializer
    )
    @action(detail=False, methods=["post"])
    def propose(self, request: Request) -> Response:
        """Return a mapping for a delivery. It has names and no values of it."""
        fields = validated(serializers.HookDeliverySerializer(data=request.data))
        fact = services.propose_fact(fields["delivery"], header=fields["header"])
        return Response({"kinds": {"*": [fact]}})


def _tried(kinds: Mapping[str, Any], fields: Mapping[str, Any]) -> Response:
    with faults_as_problems():
        parsed = services.parse_kinds(kinds)
    trial = services.try_mapping(parsed, fields["delivery"], header=fields["header"])
    return Response(exact_json.with_floats(serializers.HookTrialSerializer(trial).data))


def _with_address(request: Request, hook: Hook, token: str) -> Response:
    # The serializer reads it from the hook; the model has no such field.
    address = services.address_of(hook.source, token)
    hook.url = request.build_absolute_uri(address)  # type: ignore[attr-defined]
    return Response(serializers.MadeHookSerializer(hook).data, HTTP_201_CREATED)
