"""The API for services: links for customers who are logged in on a company's own site."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent import services
from consent.api import customer_serializers
from consent.api.problems import problems_from_services
from consent.models import MailedLink
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.problems import problem, validated
from profiles.models.access import Scope


class DeepLinkViewSet(ScopedView, GenericViewSet[MailedLink]):
    """Links that open a customer's session once."""

    scopes = {"POST": Scope.PRIVACY_ACT}
    refusals = {"create": (404,)}
    serializer_class: Any = customer_serializers.NewDeepLinkSerializer

    @extend_schema(
        request=customer_serializers.NewDeepLinkSerializer,
        responses={201: customer_serializers.DeepLinkSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a link for somebody whom the service vouches for. It works once, for minutes."""
        reference = validated(self.get_serializer(data=request.data))["identifier"]
        with problems_from_services():
            try:
                link = services.make_deep_link(reference, actor=actor_of(request))
            except services.UnknownProfile:
                raise problem("identifier", "unknown_identifier", "Nobody has it.", 404) from None
        return Response(
            customer_serializers.DeepLinkSerializer(link).data, status=status.HTTP_201_CREATED
        )
