"""Why a trait has its value, and why two identifiers belong to one profile."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from profiles import reads
from profiles.api import serializers
from profiles.api.kit.problems import validated
from profiles.api.profiles import ProfileScopedViewSet
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.identifiers.references import Ref
from profiles.identity.explain import path_of_facts
from profiles.models import Identifier
from profiles.models.access import Scope
from profiles.traits.explain import explain_trait


class ExplanationViewSet(ProfileScopedViewSet):
    """Explanations of one profile."""

    scopes = {"GET": Scope.PROFILES_READ, "POST": Scope.PROFILES_READ}
    serializer_class: Any = serializers.PairSerializer
    pagination_class = None

    @extend_schema(parameters=[OpenApiParameter("key", OpenApiTypes.STR, required=True)])
    @action(
        detail=True,
        url_path="why-trait",
        serializer_class=serializers.TraitSerializer,
        query_parameters=("key",),
    )
    def why_trait(self, request: Request, uuid: UUID) -> Response:
        """Explain why a trait has its value, or has none any more, with the losing statements.

        A part of one is named by dots, as in `address.city`.
        """
        key = request.query_params.get("key")
        if not key:
            raise ValidationError({"key": ["The key of a trait is required, as in ?key=city."]})
        explanation = explain_trait(self.profile, key)
        if explanation is None:
            raise NotFound("Nobody ever said anything of this trait.")
        return Response(self.get_serializer(explanation).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("a", OpenApiTypes.UUID, required=True, description="The id of one."),
            OpenApiParameter("b", OpenApiTypes.UUID, required=True, description="… of the other."),
        ],
        responses=serializers.PathSerializer,
    )
    @action(detail=True, url_path="why-merged", query_parameters=("a", "b"))
    def why_merged(self, request: Request, uuid: UUID) -> Response:
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
    @why_merged.mapping.post
    def why_merged_by_value(self, request: Request, uuid: UUID) -> Response:
        """Return the shortest path of facts between two identifiers, given as `namespace:value`.

        They are in the body, because they are personal data.
        """
        fields = validated(self.get_serializer(data=request.data))
        by_ref = {Ref(row.namespace, row.value): row for row in self._all()}
        return self._path(
            {
                parameter: by_ref.get(_parse(parameter, reference))
                for parameter, reference in fields.items()
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
