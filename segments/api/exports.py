"""People leave by the API: how far each export is, and links by which one is fetched."""

from collections.abc import Mapping
from typing import Any

import django_filters as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem, validated
from segments import services
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.export_files import columns_of, purpose_of
from segments.api.export_serializers import (
    ExportLinkSerializer,
    ExportSerializer,
    NewExportSerializer,
    OrderedExportSerializer,
)
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import (
    may_count_people,
    refuse_sensitive_definition,
    refuse_sensitive_list,
    refuse_sensitive_segment,
)
from segments.models import MemberExport, StaticList
from segments.services import ExportOrder

Format = MemberExport.Format


class ExportFilter(StrictFilterSet):
    segment = filters.CharFilter(field_name="segment__key")
    list = filters.CharFilter(field_name="list__key")
    purpose = filters.CharFilter(field_name="purpose__key")
    started = TimeRangeFilter(field_name="started_at")
    # `format` is how the list itself is rendered.
    file_format = filters.ChoiceFilter(field_name="format", choices=Format.choices)

    class Meta:
        model = MemberExport
        fields = ["state"]


class ExportViewSet(
    ScopedView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Any]
):
    """Exports of people: how far each is, how many were left out and why, and links to fetch one.

    A link gives one file, once, to whoever has it: nothing is stored for it, and the gate is asked
    when it is fetched. It ends with the key that made it.
    """

    scopes = SCOPES
    queryset: Any = MemberExport.objects.select_related("segment", "list", "purpose")
    serializer_class: Any = ExportSerializer
    filterset_class: Any = ExportFilter
    cursor_ordering = ("-started_at", "id")
    bodiless_actions = ("withdraw",)
    refusals = {"create": (409,), "withdraw": (409,)}
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    def get_queryset(self) -> Any:
        """Return the exports, for a key that may not read people those of plain segments alone."""
        rows = super().get_queryset()
        if may_count_people(self.request):
            return rows
        # How many were left out, and of how many, are counts by what is hidden.
        plain = rows.filter(definition__isnull=True).exclude(list__is_sensitive=True)
        return plain.exclude(segment__in=services.sensitive_segments())

    @extend_schema(request=NewExportSerializer, responses={201: OrderedExportSerializer})
    def create(self, request: Request) -> Response:
        """Make a link by which a segment, a list, or whom a definition fits is fetched, once."""
        fields = validated(NewExportSerializer(data=request.data))
        order = _order_of(request, fields)
        with problems_from_services(status=409):
            export = services.order_export(order, actor=actor_of(request))
            link = services.make_link(export, hours=fields["hours"], actor=actor_of(request))
        body = {**ExportSerializer(export).data, "link": ExportLinkSerializer(link).data}
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ExportSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def withdraw(self, request: Request, pk: str) -> Response:
        """End a link that nobody has used."""
        export = self.get_object()
        with problems_from_services():
            services.withdraw_export(export, actor=actor_of(request))
        return Response(ExportSerializer(export).data)


def _order_of(request: Request, fields: Mapping[str, Any]) -> ExportOrder:
    """Return the order of a body. Raises Problem, and PermissionDenied."""
    origins = [name for name in ("segment", "list", "definition") if name in fields]
    if len(origins) != 1:
        path = origins[1] if origins else "segment"
        raise problem(path, "invalid", "One of segment, list and definition.")
    segment = people = None
    match origins[0]:
        case "segment":
            segment = services.find_segment(fields["segment"])
            if segment is None:
                raise problem("segment", "unknown", "No segment has this key.")
            refuse_sensitive_segment(request, segment)
        case "list":
            people = StaticList.objects.filter(key=fields["list"]).first()
            if people is None:
                raise problem("list", "unknown", "No list has this key.")
            refuse_sensitive_list(request, people)
        case _:
            refuse_sensitive_definition(request, fields["definition"])
    return ExportOrder(
        segment=segment,
        list=people,
        definition=fields.get("definition"),
        purpose=purpose_of(fields.get("purpose")),
        columns=columns_of(request, fields["columns"]),
        format=fields["format"],
        recipient=fields.get("recipient", ""),
    )
