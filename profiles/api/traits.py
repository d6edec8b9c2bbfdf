"""The golden traits of one profile, and their correction."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from profiles.api import serializers
from profiles.api.kit.access import actor_of
from profiles.api.kit.lists import one_page, page_of
from profiles.api.kit.problems import problem, validated
from profiles.api.profiles import ProfileScopedViewSet
from profiles.models.access import Scope
from profiles.services import ContactNotFree, rectify, unlock
from profiles.traits.explain import explain_traits


class TraitViewSet(ProfileScopedViewSet):
    """Traits of a profile."""

    scopes = {
        "GET": Scope.PROFILES_READ,
        "PATCH": Scope.PROFILES_WRITE,
        "POST": Scope.PROFILES_WRITE,
    }
    serializer_class = serializers.RectificationSerializer
    pagination_class = None
    refusals = {"correct_traits": (409,)}
    filter_exemption = "All traits of one profile are one page; why-trait asks for one of them."

    @extend_schema(responses=page_of(serializers.TraitSerializer))
    @action(detail=True)
    def traits(self, request: Request, uuid: UUID) -> Response:
        """List the golden traits of a profile.

        Each has the source, trust and time that decided it, and the statements that lost.
        """
        return self._golden_traits()

    @extend_schema(responses=page_of(serializers.TraitSerializer))
    @traits.mapping.patch
    def correct_traits(self, request: Request, uuid: UUID) -> Response:
        """Correct traits. Each is locked at its value, whatever sources send later."""
        fields = validated(self.get_serializer(data=request.data))
        try:
            rectify(self.profile.pk, **fields, actor=actor_of(request))
        except ContactNotFree as error:
            raise problem(f"changes.{error.key}", "not_free", str(error), 409) from None
        self.profile.refresh_from_db()
        return self._golden_traits()

    @extend_schema(
        request=serializers.UnlockingSerializer, responses=page_of(serializers.TraitSerializer)
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="traits/unlock",
        serializer_class=serializers.UnlockingSerializer,
    )
    def unlock_traits(self, request: Request, uuid: UUID) -> Response:
        """Take corrections back: what sources say decides these traits again."""
        fields = validated(self.get_serializer(data=request.data))
        unlock(self.profile.pk, **fields, actor=actor_of(request))
        self.profile.refresh_from_db()
        return self._golden_traits()

    def _golden_traits(self) -> Response:
        explanations = explain_traits(self.profile)
        golden = [each for key, each in sorted(explanations.items()) if each.value is not None]
        return one_page(serializers.TraitSerializer, golden)
