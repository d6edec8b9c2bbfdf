"""The API of profiles: who they are, what is known of them, and why.

Invariant: of a person whose processing is restricted, only keys with `privacy:act` see more than the id and the status.
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
from profiles.identity.explain import path_of_facts
from profiles.models import Event, Identifier, Merge, Profile
from profiles.models.access import Scope
from profiles.services import rectify
from profiles.traits.explain import explain_traits

TRAIT_PARAMETER = OpenApiParameter(
    "trait.KEY",
    OpenApiTypes.STR,
    description="Golden trait KEY is this text, or the number or boolean that it spells: `trait.country=FR`. "
    "Addresses and telephone numbers are refused: they belong into the body of a look-up.",
)


class ProfileList(ScopedView, ListAPIView[Profile]):
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
        return reads.portraits(page or (), with_restricted=sees_restricted(self.request))


class ProfileLookup(ScopedView, GenericAPIView[Profile]):
    """One to 1,000 profiles by any identifier, in the order asked; null where nobody is known by it.

    Identifiers are in the body since they are personal data, which has no place in a URL.
    """

    scopes = {"POST": Scope.PROFILES_READ}
    serializer_class = serializers.LookupSerializer

    @extend_schema(responses=serializers.LookupResultSerializer)
    def post(self, request: Request) -> Response:
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        references: Sequence[str] = asked.validated_data["identifiers"]
        holders = profiles_by_reference(references)
        profiles = list(Profile.objects.filter(pk__in=set(holders.values())))
        shown = reads.portraits(profiles, with_restricted=sees_restricted(request))
        by_id = dict(zip((one.pk for one in profiles), shown, strict=True))
        found = [by_id.get(holders.get(reference, 0)) for reference in references]
        return Response(serializers.LookupResultSerializer({"results": found}).data)


class OfProfile(ScopedView):
    """Everything below one profile: the public UUID resolves, an absorbed one too."""

    scopes = {"GET": Scope.PROFILES_READ}
    request: Request
    kwargs: dict[str, UUID]

    @cached_property
    def profile(self) -> Profile:
        """Raises NotFound, and PermissionDenied where only the id and the status may be seen."""
        profile = self.find()
        if profile.is_restricted and not sees_restricted(self.request):
            raise PermissionDenied(
                "Processing is restricted (article 18): privacy:act may read it."
            )
        return profile

    def find(self) -> Profile:
        profile = reads.profile_called(self.kwargs["uuid"])
        if profile is None:
            raise NotFound("No profile goes by this id.")
        return profile


class ProfileDetail(OfProfile, GenericAPIView[Profile]):
    """One profile. The UUID of an absorbed profile gives the one that it is part of now, under its own id."""

    serializer_class = serializers.ProfileSerializer

    def get(self, request: Request, uuid: UUID) -> Response:
        shown = reads.portraits([self.find()], with_restricted=sees_restricted(request))
        return Response(self.get_serializer(shown[0]).data)


class ProfileRows(OfProfile, ListAPIView[Any]):
    """Rows of one profile, which its subclasses find."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return rows.none() if hasattr(self, "swagger_fake_view") else self.of(rows, self.profile)

    def of(self, rows: QuerySet[Any], profile: Profile) -> QuerySet[Any]:
        return rows.filter(profile=profile)


class ProfileIdentifiers(ProfileRows):
    """What the person is called, the profile's own and absorbed UUIDs among it."""

    queryset = Identifier.objects.all()
    serializer_class = serializers.ListedIdentifierSerializer
    filterset_class = filters.IdentifierFilter
    cursor_ordering = ("namespace", "value")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        rows = [reads.shown_identifier(row) for row in args[0]] if args else None
        return super().get_serializer(rows, **kwargs)


class ProfileEvents(ProfileRows):
    """What the person did, the latest first."""

    queryset = Event.objects.select_related("name", "source")
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilter
    cursor_ordering = ("-timestamp", "-id")


class ProfileMerges(ProfileRows):
    """The profiles that were taken up into this one, the latest first."""

    queryset = Merge.objects.all()
    serializer_class = serializers.MergeSerializer
    filterset_class = filters.MergeFilter
    cursor_ordering = ("-merged_at", "-id")

    def of(self, rows: QuerySet[Any], profile: Profile) -> QuerySet[Any]:
        return rows.filter(survivor=profile)


class ProfileTraits(OfProfile, GenericAPIView[Profile]):
    """The golden traits, each with what settled it: source, trust, time, and the statements that lost."""

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
        """Correct traits so that they stay corrected: each is locked against what sources send later."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rectify(self.profile.pk, **asked.validated_data, actor=actor_of(request))
        self.profile.refresh_from_db()
        return self._traits()

    def _traits(self) -> Response:
        explained = explain_traits(self.profile)
        golden = [explained[key] for key in sorted(self.profile.traits)]
        return one_page(serializers.TraitSerializer(golden, many=True).data)


class ProfileSegments(OfProfile, GenericAPIView[Profile]):
    """The segments that the person is in, and since when."""

    filter_exemption = "The segments of one profile are one page."

    @extend_schema(responses=page_of(serializers.MembershipSerializer))
    def get(self, request: Request, uuid: UUID) -> Response:
        rows = reads.section("segments.membership", [self.profile.pk])
        memberships = rows.get(self.profile.pk, ())
        return one_page(serializers.MembershipSerializer(memberships, many=True).data)


class ProfileConsents(OfProfile, GenericAPIView[Profile]):
    """How every purpose stands for the person, now."""

    filter_exemption = "The purposes of one profile are one page."

    @extend_schema(responses=page_of(serializers.PurposeConsentSerializer))
    def get(self, request: Request, uuid: UUID) -> Response:
        consents = reads.consents_of([self.profile.pk])[self.profile.pk]
        rows = [consents[purpose] for purpose in sorted(consents)]
        return one_page(serializers.PurposeConsentSerializer(rows, many=True).data)


class WhyTrait(OfProfile, GenericAPIView[Profile]):
    """Why a trait has its value, or has none any more: what settled it, and the statements that lost."""

    serializer_class = serializers.TraitSerializer

    @extend_schema(parameters=[OpenApiParameter("key", OpenApiTypes.STR, required=True)])
    def get(self, request: Request, uuid: UUID) -> Response:
        key = request.query_params.get("key")
        if not key:
            raise ValidationError({"key": ["The key of a trait is required, as in ?key=city."]})
        explained = explain_traits(self.profile).get(key)
        if explained is None:
            raise NotFound("Nobody ever said anything of this trait.")
        return Response(self.get_serializer(explained).data)


class WhyMerged(OfProfile, GenericAPIView[Profile]):
    """Why two identifiers are one person's: the shortest path of facts between them.

    GET takes the opaque ids that `identifiers/` gives; POST takes `namespace:value`, in the body since it is personal.
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
        """The shortest path of facts between two identifiers of the profile, by their ids."""
        held = {str(reads.public_id(one)): one for one in self._held()}
        asked = {end: request.query_params.get(end, "") for end in ("a", "b")}
        return self._path({end: held.get(id_.lower()) for end, id_ in asked.items()})

    @extend_schema(responses=serializers.PathSerializer)
    def post(self, request: Request, uuid: UUID) -> Response:
        """The shortest path of facts between two identifiers of the profile, by their names."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        held = {(one.namespace, one.value): one for one in self._held()}
        return self._path(
            {end: held.get(_parsed(end, name)) for end, name in asked.validated_data.items()}
        )

    def _held(self) -> QuerySet[Identifier]:
        return Identifier.objects.filter(profile=self.profile)

    def _path(self, ends: dict[str, Identifier | None]) -> Response:
        missing = {end: ["No identifier of this profile."] for end, one in ends.items() if not one}
        if missing or not (ends["a"] and ends["b"]):
            raise ValidationError(missing)
        path = path_of_facts(ends["a"], ends["b"])
        return Response(serializers.PathSerializer({"path": path}).data)


def _parsed(end: str, reference: str) -> tuple[str, str]:
    try:
        ref = parse_reference(reference)
    except InvalidIdentifier as error:
        raise ValidationError({end: [error.reason]}) from error
    return (ref.namespace, ref.value)
