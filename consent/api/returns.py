"""The API for services: double opt-ins, and the return of people who were erased."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api import serializers
from consent.api.problems import problems_from_services
from consent.models import Confirmation, Suppression
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem, validated
from profiles.models.access import Scope


class OptInViewSet(ScopedView, GenericViewSet[Confirmation]):
    """Consents that somebody gives with their address and confirms by a mailed link."""

    scopes = {"POST": Scope.CONSENT_WRITE}
    refusals = {"create": (404,)}
    serializer_class: Any = serializers.OptInSerializer

    @extend_schema(request=serializers.OptInSerializer, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Mail a link, once a day for an address. Known, unknown, erased: the answer is one.

        With `guardian_of` the address is a guardian's, who decides for a child that is known.
        """
        fields = validated(self.get_serializer(data=request.data))
        notice = fields.get("notice")
        asked: dict[str, Any] = {
            "email": fields["email"],
            "purposes": fields["purposes"],
            "notice_id": notice and notice.pk,
            "language": fields.get("language") or (notice.language if notice else ""),
        }
        with problems_from_services("email", purpose_path="purposes"):
            if child := fields.get("guardian_of"):
                _request_guardian(services.NewGuardianOptIn(child=child, **asked), request)
            else:
                services.request_opt_in(services.NewOptIn(**asked), actor=actor_of(request))
        detail = "Unless the address had one today, a link is on its way to it."
        return Response({"detail": detail}, status=status.HTTP_202_ACCEPTED)


class ReturnViewSet(ScopedView, GenericViewSet[Suppression]):
    """People who were erased and are to be stored again."""

    scopes = {"POST": Scope.PRIVACY_ACT}
    serializer_class: Any = serializers.ReturnSerializer

    @extend_schema(
        request=serializers.ReturnSerializer, responses={201: serializers.ReturnedSerializer}
    )
    def create(self, request: Request) -> Response:
        """Store a person again, with what they had refused. The service vouches for the proof."""
        fields = validated(self.get_serializer(data=request.data))
        with problems_from_services("identifiers"):
            is_lifted = services.welcome_back(
                fields["identifiers"], actor=actor_of(request), reason=fields["proof"]
            )
        answer = serializers.ReturnedSerializer({"is_lifted": is_lifted})
        return Response(answer.data, status=status.HTTP_201_CREATED)


def _request_guardian(opt_in: services.NewGuardianOptIn, request: Request) -> None:
    try:
        services.request_guardian(opt_in, actor=actor_of(request))
    except services.UnknownProfile:
        raise problem("guardian_of", "unknown_identifier", "Nobody has it.", 404) from None
