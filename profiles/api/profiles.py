"""Profiles: their list, the look-up by identifiers, and what belongs to one of them.

Invariant: of a restricted profile, a key without `privacy:act` sees only the id and the status.
"""

from functools import cached_property
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles import reads
from profiles.api import filters, serializers
from profiles.api.account_serializers import ProfileAccountSerializer
from profiles.api.kit.access import ScopedView, purposes_of, sees_restricted
from profiles.api.kit.lists import RowPages, one_page, page_of
from profiles.api.kit.problems import validated
from profiles.api.kit.read_log import NAMING
from profiles.households import household_of
from profiles.identifiers.lookup import profiles_by_reference
from profiles.models import Event, Identifier, Merge, Profile
from profiles.models.access import Scope

TRAIT_PARAMETER = OpenApiParameter(
    "trait.KEY",
    OpenApiTypes.STR,
    description=(
        "Golden trait KEY is this text, or the number or boolean that it spells: "
        "`trait.country=FR`. Addresses and telephone numbers are refused: they belong into the "
        "body of a look-up."
    ),
)


class ProfileScopedViewSet(ScopedView, RowPages, GenericViewSet[Any]):
    """The base of what lies below one profile, which any of its public UUIDs addresses."""

    scopes = {"GET": Scope.PROFILES_READ}
    queryset = Profile.objects.all()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @cached_property
    def profile(self) -> Profile:
        """The profile of the URL.

        Raises NotFound, and PermissionDenied if the key may see only its id and status.
        """
        profile = self.find_profile()
        self._require_permission(profile)
        if profile.is_restricted and not sees_restricted(self.request):
            raise PermissionDenied(
                "Processing is restricted (article 18): privacy:act may read it."
            )
        return profile

    def _require_permission(self, profile: Profile) -> None:
        purposes = purposes_of(self.request)
        if profile.pk not in reads.permitted_among([profile.pk], purposes):
            raise PermissionDenied(f"Not permitted now: {', '.join(purposes)}.")

    def find_profile(self) -> Profile:
        """Return the profile even if it is restricted. Raises NotFound."""
        profile = reads.profile_by_uuid(self.kwargs["uuid"])
        if profile is None:
            raise NotFound("No profile goes by this id.")
        return profile


class ProfileViewSet(ProfileScopedViewSet, mixins.ListModelMixin):
    """Profiles, the newest first."""

    naming_keys = NAMING | {"id"}
    gated_actions = frozenset(
        {
            *("list", "retrieve", "lookup", "identifiers", "events", "merges", "segments"),
            *("consents", "accounts", "household"),
        }
    )
    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_READ}
    serializer_class = serializers.ProfileSerializer
    filterset_class = filters.ProfileFilter
    cursor_ordering: tuple[str, ...] = ("-uuid",)

    @extend_schema(parameters=[TRAIT_PARAMETER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or ()
        permitted = reads.permitted_among([each.pk for each in page], purposes_of(request))
        profiles = reads.represent_profiles(
            [each for each in page if each.pk in permitted],
            with_restricted=sees_restricted(request),
        )
        return self.get_paginated_response(self.get_serializer(profiles, many=True).data)

    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Return one profile.

        The UUID of an absorbed profile gives the survivor, with the survivor's id.
        """
        found = self.find_profile()
        self._require_permission(found)
        [profile] = reads.represent_profiles([found], with_restricted=sees_restricted(request))
        return Response(self.get_serializer(profile).data)

    @extend_schema(responses=serializers.LookupResultSerializer)
    @action(
        detail=False,
        methods=["post"],
        serializer_class=serializers.LookupSerializer,
        filterset_class=None,
        pagination_class=None,
    )
    def lookup(self, request: Request) -> Response:
        """Return profiles by any of their identifiers, up to 1,000, in the order of the request.

        An unknown identifier gives null, and so does one of a person for whom `purpose` is not
        permitted now. Identifiers are in the body, because they are personal data, which has no
        place in a URL.
        """
        fields = validated(self.get_serializer(data=request.data))
        references = fields["identifiers"]
        profile_ids = profiles_by_reference(references)
        purposes = {*purposes_of(request), *filter(None, [fields.get("purpose")])}
        permitted = reads.permitted_among(set(profile_ids.values()), purposes)
        profiles = list(Profile.objects.filter(pk__in=permitted))
        represented = reads.represent_profiles(profiles, with_restricted=sees_restricted(request))
        by_id = {
            profile.pk: representation
            for profile, representation in zip(profiles, represented, strict=True)
        }
        # No profile has the id 0.
        results = [by_id.get(profile_ids.get(reference, 0)) for reference in references]
        return Response(serializers.LookupResultSerializer({"results": results}).data)

    @extend_schema(responses=serializers.ListedIdentifierSerializer(many=True))
    @action(
        detail=True,
        queryset=Identifier.objects.all(),
        serializer_class=serializers.ListedIdentifierSerializer,
        filterset_class=filters.IdentifierFilter,
        cursor_ordering=("namespace", "value"),
    )
    def identifiers(self, request: Request, uuid: UUID) -> Response:
        """List the identifiers of a profile, its own and absorbed public UUIDs among them."""
        identifiers = self.filter_queryset(self.get_queryset().filter(profile=self.profile))
        page = self.paginate_queryset(identifiers) or ()
        rows = [reads.represent_identifier(identifier) for identifier in page]
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses=serializers.EventSerializer(many=True))
    @action(
        detail=True,
        queryset=Event.objects.select_related("name", "source"),
        serializer_class=serializers.EventSerializer,
        filterset_class=filters.EventFilter,
        cursor_ordering=("-timestamp", "-id"),
    )
    def events(self, request: Request, uuid: UUID) -> Response:
        """List the events of a profile, the latest first."""
        return self.page_of_rows(self.get_queryset().filter(profile=self.profile))

    @extend_schema(responses=serializers.MergeSerializer(many=True))
    @action(
        detail=True,
        queryset=Merge.objects.standing(),
        serializer_class=serializers.MergeSerializer,
        filterset_class=filters.MergeFilter,
        cursor_ordering=("-merged_at", "-id"),
    )
    def merges(self, request: Request, uuid: UUID) -> Response:
        """List the merges into a profile, the latest first."""
        return self.page_of_rows(self.get_queryset().filter(survivor=self.profile))

    @extend_schema(responses=page_of(serializers.MembershipSerializer), filters=False)
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        filter_exemption="The segments of one profile are one page.",
    )
    def segments(self, request: Request, uuid: UUID) -> Response:
        """List the segments that the profile is a member of, and since when."""
        rows = reads.registered_rows("segments.membership", [self.profile.pk])
        return one_page(serializers.MembershipSerializer, rows.get(self.profile.pk, ()))

    @extend_schema(responses=page_of(serializers.PurposeConsentSerializer), filters=False)
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        filter_exemption="The purposes of one profile are one page.",
    )
    def consents(self, request: Request, uuid: UUID) -> Response:
        """List the current consent state of the profile for every purpose."""
        consents = reads.consents_by_profile([self.profile.pk])[self.profile.pk]
        rows = [consents[purpose] for purpose in sorted(consents)]
        return one_page(serializers.PurposeConsentSerializer, rows)

    @extend_schema(responses=page_of(ProfileAccountSerializer), filters=False)
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        filter_exemption="The accounts of one profile are one page.",
    )
    def accounts(self, request: Request, uuid: UUID) -> Response:
        """List the accounts that the profile is a member of, with their traits, the first first."""
        rows = reads.registered_rows("profiles.accountmember", [self.profile.pk])
        return one_page(
            ProfileAccountSerializer,
            (row for row in rows.get(self.profile.pk, ()) if row["counts"]),
        )

    @extend_schema(responses=page_of(serializers.RelativeSerializer), filters=False)
    @action(
        detail=True,
        filterset_class=None,
        pagination_class=None,
        filter_exemption="The household of one profile is one page.",
    )
    def household(self, request: Request, uuid: UUID) -> Response:
        """List the other people of the profile's household, those nearest first.

        A verdict "related" or one postal address ties them together.
        """
        relatives = household_of(self.profile)
        ids = {each.profile.pk for each in relatives}
        permitted = reads.permitted_among(ids, purposes_of(request))
        return one_page(
            serializers.RelativeSerializer,
            (each for each in relatives if each.profile.pk in permitted),
        )
