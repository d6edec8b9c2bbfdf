"""The API of segments: definitions, who is in them, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ValidationError
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import Problem, ScopedView, actor_of, sees_restricted
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from profiles.models.access import Scope
from segments import services
from segments.api import serializers
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.filters import MemberFilter, MembershipChangeFilter, SegmentFilter
from segments.language.operands import DefinitionError
from segments.language.schema import definition_schema
from segments.memberships.reads import members_of
from segments.models import MembershipChange, Segment


class SegmentViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Segment],
):
    """Stored questions about people, kept answered. DELETE archives: memberships are closed, the history stays."""

    scopes = {
        "GET": Scope.SEGMENTS_READ,
        "POST": Scope.SEGMENTS_WRITE,
        "PATCH": Scope.SEGMENTS_WRITE,
        "DELETE": Scope.SEGMENTS_WRITE,
    }
    action_scopes = {"preview": Scope.SEGMENTS_READ, "why": Scope.PROFILES_READ}
    queryset = Segment.objects.select_related("purpose")
    serializer_class = serializers.SegmentSerializer
    filterset_class = SegmentFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    @extend_schema(responses={201: serializers.SegmentSerializer})
    def create(self, request: Request) -> Response:
        fields = _valid(self.get_serializer(data=request.data))
        with refusals():
            segment = services.create_segment(author=actor_of(request), **fields)
        return Response(self.get_serializer(segment).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.SegmentChangeSerializer, responses=serializers.SegmentSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        changes = _valid(serializers.SegmentChangeSerializer(data=request.data, partial=True))
        with refusals():
            segment = services.update_segment(
                self.get_object(), author=actor_of(request), changes=changes
            )
        return Response(self.get_serializer(segment).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        with refusals(status=409):
            services.archive_segment(self.get_object(), author=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=serializers.PreviewQuestionSerializer, responses=serializers.PreviewSerializer
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def preview(self, request: Request) -> Response:
        """Who would be in: the size, exact or with its interval, and ten of them."""
        asked = _valid(serializers.PreviewQuestionSerializer(data=request.data))
        with refusals():
            found = services.preview(asked["definition"], at=asked.get("at"))
        return Response(serializers.PreviewSerializer(found).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, filters=False)
    @action(
        detail=False,
        url_path="schema",
        methods=["get"],
        filterset_class=None,
        pagination_class=None,
    )
    def language(self, request: Request) -> Response:
        """The language of definitions as a JSON Schema."""
        return Response(definition_schema())

    @extend_schema(responses=serializers.MemberSerializer(many=True))
    @action(detail=True, methods=["get"])
    def members(self, request: Request, key: str) -> Response:
        """Who is in, and since when; `?purpose=KEY` gives only who permits it now."""
        rows = members_of(self.find())
        return self.page(rows, MemberFilter, ("profile_id",), serializers.MemberSerializer)

    @extend_schema(responses=serializers.MembershipChangeSerializer(many=True))
    @action(detail=True, methods=["get"])
    def history(self, request: Request, key: str) -> Response:
        """Entries and exits with their reasons, the newest first."""
        public = Profile.objects.filter(pk=OuterRef("profile_id"), is_restricted=False)
        rows = MembershipChange.objects.filter(segment=self.find()).annotate(
            profile_uuid=Subquery(public.values("uuid"))
        )
        order = ("-changed_at", "-id")
        return self.page(
            rows, MembershipChangeFilter, order, serializers.MembershipChangeSerializer
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("profile", OpenApiTypes.UUID, required=True),
            OpenApiParameter("at", OpenApiTypes.DATETIME),
        ],
        responses=serializers.WhySerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def why(self, request: Request, key: str) -> Response:
        """Why a profile is in or not: every node with its truth and evidence, and when that flips."""
        asked = _valid(serializers.MomentSerializer(data=request.query_params))
        profile = _profile(request)
        found = services.why(self.find(), profile, at=asked.get("at"))
        return Response(serializers.WhySerializer(found).data)

    @extend_schema(request=serializers.MomentSerializer, responses=serializers.SegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def refresh(self, request: Request, key: str) -> Response:
        """Evaluate the segment over everybody, now."""
        asked = _valid(serializers.MomentSerializer(data=request.data))
        segment = self.find()
        if segment.status != Segment.Status.LIVE:
            raise _problem("status", "not_live", "Only a live segment is kept.", 409)
        if "at" in asked and asked["at"] > database_now():
            raise _problem("at", "future", "Memberships cannot run ahead of the clock.")
        services.rebuild([segment.key], now=asked.get("at"))
        return Response(self.get_serializer(self.find()).data)

    def find(self) -> Segment:
        """The segment of the route, whatever filters the query has."""
        segment = self.queryset.filter(key=self.kwargs["key"]).first()
        if segment is None:
            raise NotFound("No segment has this key.")
        return segment

    def page(
        self,
        rows: QuerySet[Any],
        filterset: type[Any],
        ordering: tuple[str, ...],
        serializer: type[BaseSerializer[Any]],
    ) -> Response:
        """A filtered page of rows that hang on the segment."""
        asked = filterset(self.request.query_params, queryset=rows, request=self.request)
        if not asked.is_valid():
            raise ValidationError(asked.errors)
        self.cursor_ordering = ordering
        page = self.paginate_queryset(asked.qs)
        return self.get_paginated_response(serializer(page, many=True).data)


def _valid(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def _profile(request: Request) -> Profile:
    """The profile that is asked about, by its own public id or one that it absorbed."""
    try:
        uuid = UUID(request.query_params.get("profile", ""))
    except ValueError:
        raise _problem("profile", "invalid", "This must be the id of a profile.") from None
    holder = Identifier.objects.filter(namespace="profile", value=str(uuid))
    profile = Profile.objects.filter(pk__in=holder.values("profile_id")).first()
    if profile is None:
        raise NotFound("No profile goes by this id.")
    if profile.is_restricted and not sees_restricted(request):
        raise PermissionDenied("Processing is restricted (article 18): privacy:act may read it.")
    return profile


@contextmanager
def refusals(*, status: int = 400) -> Iterator[None]:
    """Turn what a service refuses into a problem that names the path of the fault."""
    try:
        yield
    except DefinitionError as error:
        raise Problem(
            [
                {"path": f"definition.{path}".rstrip("."), "code": code, "detail": detail}
                for path, code, detail in error.errors
            ]
        ) from None
    except services.SegmentError as error:
        raise _problem(error.field, "refused", error.detail, status) from None


def _problem(path: str, code: str, detail: str, status: int = 400) -> Problem:
    return Problem([{"path": path, "code": code, "detail": detail}], status=status)
