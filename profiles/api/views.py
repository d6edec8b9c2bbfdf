"""The views of the profiles API.

Invariant: of a restricted profile, a key without `privacy:act` sees only the id and the status.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from profiles import reads
from profiles.api import filters, serializers
from profiles.api.kit.access import ScopedView, actor_of, sees_restricted
from profiles.api.kit.lists import one_page, page_of
from profiles.identifiers.lookup import parse_reference, profiles_by_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.identifiers.references import Ref
from profiles.identity.explain import path_of_facts
from profiles.models import Event, Identifier, Merge, Profile
from profiles.models.access import Scope
from profiles.services import rectify
from profiles.traits.explain import explain_traits

TRAIT_PARAMETER = OpenApiParameter(
    "trait.KEY",
    OpenApiTypes.STR,
    description=(
        "Golden trait KEY is this text, or the number or boolean that it spells: "
        "`trait.country=FR`. Addresses and telephone numbers are refused: they belong into the "
        "body of a look-up."
    ),
)


class ProfileList(ScopedView, ListAPIView[Any]):
    """Profiles, the newest first."""

    scopes = {"GET": Scope.PROFILES_READ}
    queryset = Profile.objects.all()
    serializer_class = serializers.ProfileSerializer
    filterset_class = filters.ProfileFilter
    cursor_ordering = ("-uuid",)

    @extend_schema(parameters=[TRAIT_PARAMETER])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return reads.represent_profiles(page or (), with_restricted=sees_restricted(self.request))


class ProfileLookup(ScopedView, GenericAPIView[Any]):
    """Profiles by any of their identifiers, up to 1,000, in the order of the request.

    An unknown identifier gives null. Identifiers are in the body, because they are personal data,
    which has no place in a URL.
    """

    scopes = {"POST": Scope.PROFILES_READ}
    serializer_class = serializers.LookupSerializer

    @extend_schema(responses=serializers.LookupResultSerializer)
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        references: Sequence[str] = serializer.validated_data["identifiers"]
        profile_ids = profiles_by_reference(references)
        profiles = list(Profile.objects.filter(pk__in=set(profile_ids.values())))
        represented = reads.represent_profiles(profiles, with_restricted=sees_restricted(request))
        by_id = {
            profile.pk: representation
            for profile, representation in zip(profiles, represented, strict=True)
        }
        results = [by_id.get(profile_ids.get(reference, 0)) for reference in references]
        return Response(serializers.LookupResultSerializer({"results": results}).data)


class ProfileView(ScopedView, GenericAPIView[Any]):
    """The base of views below one profile, which any of its public UUIDs addresses."""

    scopes = {"GET": Scope.PROFILES_READ}

    @cached_property
    def profile(self) -> Profile:
        """The profile of the URL.

        Raises NotFound, and PermissionDenied if the key may see only its id and status.
        """
        profile = self.find_profile()
        if profile.is_restricted and not sees_restricted(self.request):
            raise PermissionDenied(
                "Processing is restricted (article 18): privacy:act may read it."
            )
        return profile

    def find_profile(self) -> Profile:
        """Return the profile even if it is restricted. Raises NotFound."""
        profile = reads.profile_by_uuid(self.kwargs["uuid"])
        if profile is None:
            raise NotFound("No profile goes by this id.")
        return profile


class ProfileDetail(ProfileView):
    """One profile. The UUID of an absorbed profile gives the survivor, with the survivor's id."""

    serializer_class = serializers.ProfileSerializer

    def get(self, request: Request, uuid: UUID) -> Response:
        [representation] = reads.represent_profiles(
            [self.find_profile()], with_restricted=sees_restricted(request)
        )
        return Response(self.get_serializer(representation).data)


class ProfileRows(ProfileView, ListAPIView[Any]):
    """The base of lists of a profile's rows."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        # The schema is generated without a URL, and so without a profile.
        if hasattr(self, "swagger_fake_view"):
            return rows.none()
        return self.rows_of(rows, self.profile)

    def rows_of(self, rows: QuerySet[Any], profile: Profile) -> QuerySet[Any]:
        return rows.filter(profile=profile)


class ProfileIdentifiers(ProfileRows):
    """The identifiers of a profile, its own and absorbed public UUIDs among them."""

    queryset = Identifier.objects.all()
    serializer_class = serializers.ListedIdentifierSerializer
    filterset_class = filters.IdentifierFilter
    cursor_ordering = ("namespace", "value")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        # Without rows for the schema.
        rows = [reads.represent_identifier(identifier) for identifier in args[0]] if args else None
        return super().get_serializer(rows, **kwargs)


class ProfileEvents(ProfileRows):
    """The events of a profile, the latest first."""

    queryset = Event.objects.select_related("name", "source")
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilter
    cursor_ordering = ("-timestamp", "-id")


class ProfileMerges(ProfileRows):
    """The merges into a profile, the latest first."""

    queryset = Merge.objects.all()
    serializer_class = serializers.MergeSerializer
    filterset_class = filters.MergeFilter
    cursor_ordering = ("-merged_at", "-id")

    def rows_of(self, rows: QuerySet[Any], profile: Profile) -> QuerySet[Any]:
        return rows.filter(survivor=profile)


class ProfileTraits(ProfileView):
    """The golden traits of a profile, each with the source, trust and time that decided it.

    Statements that lost are listed beside it.
    """

    scopes = {"GET": Scope.PROFILES_READ, "PATCH": Scope.PROFILES_WRITE}
    serializer_class = serializers.RectificationSerializer
    filter_exemption = "All traits of one profile are one page; why-trait asks for one of them."

    @extend_schema(responses=page_of(serializers.TraitSerializer))
    def get(self, request: Request, uuid: UUID) -> Response:
        return self._traits()

    @extend_schema(
        request=serializers.RectificationSerializer, responses=page_of(serializers.TraitSerializer)
    )
    def patch(self, request: Request, uuid: UUID) -> Response:
        """Correct traits. Each is locked at its value, whatever sources send later."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rectify(self.profile.pk, **serializer.validated_data, actor=actor_of(request))
        self.profile.refresh_from_db()
        return self._traits()

    def _traits(self) -> Response:
        explanations = explain_traits(self.profile)
        golden = [explanations[key] for key in sorted(self.profile.traits)]
        return one_page(serializers.TraitSerializer, golden)


class ProfileSegments(ProfileView):
    """The segments that the profile is a member of, and since when."""

    filter_exemption = "The segments of one profile are one page."

    @extend_schema(responses=page_of(serializers.MembershipSerializer))
    def get(self, request: Request, uuid: UUID) -> Response:
        rows = reads.registered_rows("segments.membership", [self.profile.pk])
        memberships = rows.get(self.profile.pk, ())
        return one_page(serializers.MembershipSerializer, memberships)


class ProfileConsents(ProfileView):
    """The current consent state of the profile for every purpose."""

    filter_exemption = "The purposes of one profile are one page."

    @extend_schema(responses=page_of(serializers.PurposeConsentSerializer))
    def get(self, request: Request, uuid: UUID) -> Response:
        consents = reads.consents_by_profile([self.profile.pk])[self.profile.pk]
        rows = [consents[purpose] for purpose in sorted(consents)]
        return one_page(serializers.PurposeConsentSerializer, rows)


class WhyTrait(ProfileView):
    """Why a trait has its value, or has none any more, with the statements that lost."""

    serializer_class = serializers.TraitSerializer

    @extend_schema(parameters=[OpenApiParameter("key", OpenApiTypes.STR, required=True)])
    def get(self, request: Request, uuid: UUID) -> Response:
        key = request.query_params.get("key")
        if not key:
            raise ValidationError({"key": ["The key of a trait is required, as in ?key=city."]})
        explanation = explain_traits(self.profile).get(key)
        if explanation is None:
            raise NotFound("Nobody ever said anything of this trait.")
        return Response(self.get_serializer(explanation).data)


class WhyMerged(ProfileView):
    """Why two identifiers belong to one profile: the shortest path of facts between them.

    GET takes the opaque ids from `identifiers/`. POST takes `namespace:value`, in the body, because
    it is personal data.
    """

    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_READ}
    serializer_class = serializers.PairSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("a", OpenApiTypes.UUID, required=True, description="The id of one."),
            OpenApiParameter("b", OpenApiTypes.UUID, required=True, description="… of the other."),
        ],
        responses=serializers.PathSerializer,
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        """Return the shortest path of facts between two identifiers, given by their ids."""
        # An opaque id cannot be looked up: derive those of all identifiers of the profile.
        by_public_id = {str(reads.public_id(identifier)): identifier for identifier in self._all()}
        return self._path(
            {
                parameter: by_public_id.get(request.query_params.get(parameter, "").lower())
                for parameter in ("a", "b")
            }
        )

    @extend_schema(responses=serializers.PathSerializer)
    def post(self, request: Request, uuid: UUID) -> Response:
        """Return the shortest path of facts between two identifiers, given as `namespace:value`."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        by_ref = {Ref(row.namespace, row.value): row for row in self._all()}
        return self._path(
            {
                parameter: by_ref.get(_parse(parameter, reference))
                for parameter, reference in serializer.validated_data.items()
            }
        )

    def _all(self) -> QuerySet[Identifier]:
        return Identifier.objects.filter(profile=self.profile)

    def _path(self, ends: dict[str, Identifier | None]) -> Response:
        missing = {
            parameter: ["No identifier of this profile."]
            for parameter, identifier in ends.items()
            if not identifier
        }
        if missing or not (ends["a"] and ends["b"]):
            raise ValidationError(missing)
        path = path_of_facts(ends["a"], ends["b"])
        return Response(serializers.PathSerializer({"path": path}).data)


def _parse(parameter: str, reference: str) -> Ref:
    try:
        return parse_reference(reference)
    except InvalidIdentifier as error:
        raise ValidationError({parameter: [error.reason]}) from error
