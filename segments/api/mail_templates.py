"""Mail templates: `/api/v1/mail-templates/`."""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem, validated
from profiles.models import Profile
from segments import services
from segments.api import mail_serializers as serializers
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import BY_NAME, may_count_people
from segments.models import MailTemplate


class MailTemplateFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = MailTemplate
        fields = ["key", "name", "markup"]


class MailTemplateViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """What mails of automations say: texts by language, with fields for what differs by person.

    A template has no pixel, and its links lead where they say. One that automations send cannot be
    deleted.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy",)
    refusals = {"destroy": (409,)}
    queryset: Any = MailTemplate.objects.select_related("click_purpose")
    serializer_class: Any = serializers.MailTemplateSerializer
    filterset_class: Any = MailTemplateFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]
    _reader = ""

    @extend_schema(responses={201: serializers.MailTemplateSerializer})
    def create(self, request: Request) -> Response:
        """Save a new template, if its texts have no fault."""
        fields = validated(self.get_serializer(data=request.data))
        with problems_from_services(prefix=""):
            row = services.create_mail_template(actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.MailTemplateChangeSerializer,
        responses=serializers.MailTemplateSerializer,
    )
    def partial_update(self, request: Request, key: str) -> Response:
        """Change a template; automations that are published go on with what it said before."""
        serializer = serializers.MailTemplateChangeSerializer(data=request.data, partial=True)
        changes = validated(serializer)
        with problems_from_services(prefix=""):
            row = services.update_mail_template(
                self.get_object(), actor=actor_of(request), changes=changes
            )
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        """Delete a template with all its versions."""
        with problems_from_services(status=409):
            services.delete_mail_template(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=serializers.MailPreviewRequestSerializer, responses=serializers.LetterSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def preview(self, request: Request, key: str) -> Response:
        """Say what one person would read. Nothing leaves."""
        fields = validated(serializers.MailPreviewRequestSerializer(data=request.data))
        letter = services.preview_mail(
            self.get_object(), self._traits(request, fields), language=fields.get("language", "")
        )
        return Response(serializers.LetterSerializer(letter).data)

    def shown_people(self) -> Iterable[str]:
        return [self._reader] if self._reader else []

    def _traits(self, request: Request, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the traits of who would read it. Raises PermissionDenied and Problem."""
        if "profile" not in fields:
            return dict(fields.get("traits", {}))
        if not may_count_people(request):
            raise PermissionDenied(BY_NAME)
        person = Profile.objects.filter(uuid=fields["profile"], is_restricted=False).first()
        if person is None:
            raise problem("profile", "unknown", "Nobody has this id.")
        self._reader = str(person.uuid)
        return dict(person.traits)
