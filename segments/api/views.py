"""The API of segments: their definitions, members and history, previews and explanations."""

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
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of, purposes_of, sees_restricted
from profiles.api.kit.lists import RowPages
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from profiles.models.access import Scope
from segments import services
from segments.api import serializers
from segments.api.accounts import SegmentAccounts
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.export_files import SegmentExport
from segments.api.figures import SegmentFigures
from segments.api.filters import MemberFilter, MembershipChangeFilter, SegmentFilter
from segments.api.life import SegmentLife
from segments.api.overrides import SegmentOverrides
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import (
    refuse_sensitive_definition,
    refuse_sensitive_past,
    refuse_sensitive_segment,
)
from segments.language.phrases import Language
from segments.language.schema import definition_schema
from segments.memberships.reads import filter_permitted, members_of
from segments.models import Membership, MembershipChange, Segment

SEGMENTS = Segment.objects.select_related("purpose", "owner")


class SegmentViewSet(
    ScopedView,
    RowPages,
    SegmentLife,
    SegmentFigures,
    SegmentAccounts,
    SegmentExport,
    SegmentOverrides,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Segments. DELETE archives one: its members leave it, and its history stays."""

    scopes = SCOPES
    # 503 `segment_failed` while the segment is set apart; 405 of `schema` and `preview`, which are
    # no keys.
    refusals = {
        "partial_update": (405,),
        "destroy": (405, 409),
        "export": (409, 503),
        "members": (409, 503),
        "accounts": (409, 503),
        "pause": (409,),
        "resume": (409,),
        "refresh": (409, 503),
        "recompute": (409, 503),
        "why": (503,),
    }
    action_scopes = {
        "compare": Scope.SEGMENTS_READ,
        "parts": Scope.SEGMENTS_READ,
        "preview": Scope.SEGMENTS_READ,
        "why": Scope.PROFILES_READ,
    }
    bodiless_actions = ("destroy", "restore", "recompute", "pause", "resume")
    gated_actions = frozenset({"members"})
    queryset: Any = SEGMENTS
    serializer_class: Any = serializers.SegmentSerializer
    filterset_class: Any = SegmentFilter
    # An archived segment may have had the same key.
    cursor_ordering = ("key", "id")
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    @extend_schema(responses=serializers.WarnedSegmentSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        return Response(self.shown_with_warnings(self.get_object()))

    @extend_schema(responses={201: serializers.WarnedSegmentSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        refuse_sensitive_definition(request, fields["definition"])
        with problems_from_services():
            segment = services.create_segment(actor=actor_of(request), **fields)
        return Response(self.shown_with_warnings(segment), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.SegmentChangeSerializer, responses=serializers.WarnedSegmentSerializer
    )
    def partial_update(self, request: Request, key: str) -> Response:
        changes = validated(serializers.SegmentChangeSerializer(data=request.data, partial=True))
        former = self.get_object()
        refuse_sensitive_definition(request, changes.get("definition", former.definition))
        with problems_from_services():
            segment = services.update_segment(former, actor=actor_of(request), changes=changes)
        return Response(self.shown_with_warnings(segment))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        with problems_from_services(status=409):
            services.archive_segment(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=serializers.PreviewRequestSerializer, responses=serializers.PreviewSerializer
    )
    @action(detail=False, methods=["post"], filterset_class=None)
    def preview(self, request: Request) -> Response:
        """Return the size that a definition would have, and ten of its members."""
        fields = validated(serializers.PreviewRequestSerializer(data=request.data))
        refuse_sensitive_definition(request, fields["definition"])
        with problems_from_services():
            preview = services.preview(fields["definition"], at=fields.get("at"))
        context = {"definition": fields["definition"]}
        return Response(serializers.PreviewSerializer(preview, context=context).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, filters=False)
    @action(
        detail=False,
        url_path="schema",
        methods=["get"],
        filterset_class=None,
        pagination_class=None,
    )
    def language(self, request: Request) -> Response:
        """Return the JSON Schema of definitions."""
        return Response(definition_schema())

    @extend_schema(responses=serializers.MemberSerializer(many=True))
    @action(
        detail=True,
        queryset=Membership.objects.all(),
        serializer_class=serializers.MemberSerializer,
        filterset_class=MemberFilter,
        cursor_ordering=("profile_id",),
    )
    def members(self, request: Request, key: str) -> Response:
        """List the members. `?purpose=KEY` keeps those for whom the purpose is permitted now."""
        return self.page_of_rows(self.members_for(request))

    def members_for(self, request: Request) -> QuerySet[Membership]:
        """Return the members that the key may see, as far as its own purposes permit."""
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        if "purpose" in request.query_params or purposes_of(request):
            with problems_from_services(status=409):
                services.require_delivering(segment)
        with problems_from_services():
            members = members_of(segment)
        for purpose in purposes_of(request):
            members = filter_permitted(members, purpose, at=database_now())
        return members

    @extend_schema(responses=serializers.MembershipChangeSerializer(many=True))
    @action(
        detail=True,
        queryset=MembershipChange.objects.all(),
        serializer_class=serializers.MembershipChangeSerializer,
        filterset_class=MembershipChangeFilter,
        cursor_ordering=("-changed_at", "-id"),
    )
    def history(self, request: Request, key: str) -> Response:
        """List the entries and exits with their reasons, the newest first."""
        segment = self.get_segment()
        refuse_sensitive_past(request, segment)
        # A subquery, since a join would lose the changes of profiles that no longer exist.
        profiles = Profile.objects.filter(pk=OuterRef("profile_id"), is_restricted=False)
        changes: QuerySet[MembershipChange] = self.get_queryset()
        rows = changes.filter(segment=segment)
        return self.page_of_rows(rows.annotate(profile_uuid=Subquery(profiles.values("uuid"))))

    @extend_schema(
        parameters=[
            OpenApiParameter("profile", OpenApiTypes.UUID, required=True),
            OpenApiParameter("at", OpenApiTypes.DATETIME),
            OpenApiParameter("language", enum=list(Language)),
        ],
        responses=serializers.WhySerializer,
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        filterset_class=None,
        query_parameters=("profile", "at", "language"),
    )
    def why(self, request: Request, key: str) -> Response:
        """Explain why a profile is a member or not, node by node, and when that changes."""
        fields = validated(serializers.WhyQuerySerializer(data=request.query_params))
        profile = _requested_profile(request, fields["profile"])
        with problems_from_services():
            why = services.why(
                self.get_segment(), profile, at=fields.get("at"), language=fields.get("language")
            )
        return Response(serializers.WhySerializer(why).data)

    @extend_schema(request=serializers.MomentSerializer, responses=serializers.SegmentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def refresh(self, request: Request, key: str) -> Response:
        """Evaluate the segment for everybody, before the response."""
        fields = validated(serializers.MomentSerializer(data=request.data))
        segment = self.get_segment()
        if segment.status != Segment.Status.LIVE:
            raise problem("status", "not_live", "Only a live segment is kept.", 409)
        if "at" in fields and fields["at"] > database_now():
            raise problem("at", "future", "Memberships cannot run ahead of the clock.")
        with problems_from_services():
            services.rebuild([segment.key], now=fields.get("at"))
        return Response(self.get_serializer(self.get_segment()).data)

    def get_object(self) -> Segment:
        # Not by the key alone, which archived segments may share.
        return self.get_segment()

    def get_segment(self) -> Segment:
        """Return the segment of the route. Raises NotFound."""
        segment = services.find_segment(self.kwargs["key"])
        if segment is None:
            raise NotFound("No segment has this key.")
        return segment


def _requested_profile(request: Request, uuid: UUID) -> Profile:
    """Return the profile with this public id, possibly that of an absorbed profile."""
    public_id = Identifier.objects.filter(namespace="profile", value=str(uuid))
    profile = Profile.objects.filter(pk__in=public_id.values("profile_id")).first()
    if profile is None:
        raise NotFound("No profile goes by this id.")
    if profile.is_restricted and not sees_restricted(request):
        raise PermissionDenied("Processing is restricted (article 18): privacy:act may read it.")
    return profile
