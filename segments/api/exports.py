"""Members leave by the API: the export of a segment, and how far each export is."""

from collections.abc import Iterable
from typing import Any

import django_filters as filters
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from consent.models import Purpose
from profiles.admin.kit.masks import Mask
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import problem
from profiles.models.access import Scope
from segments import services
from segments.api.exact import ExactJSONRenderer
from segments.api.export_serializers import ExportSerializer
from segments.api.refusals import problems_from_services
from segments.api.visibility import may_count_people, refuse_sensitive_segment
from segments.exports.columns import (
    MAX_COLUMNS,
    Column,
    UnknownColumns,
    column_choices,
    read_columns,
)
from segments.exports.run import MEDIA_TYPES
from segments.models import MemberExport

Format = MemberExport.Format


class JSONLinesFile(ExactJSONRenderer):
    """JSON lines; problems are JSON as everywhere."""

    media_type = MEDIA_TYPES[Format.JSON_LINES]
    format = str(Format.JSON_LINES)


class CSVFile(ExactJSONRenderer):
    media_type = MEDIA_TYPES[Format.CSV]
    format = str(Format.CSV)


class ParquetFile(ExactJSONRenderer):
    media_type = MEDIA_TYPES[Format.PARQUET]
    format = str(Format.PARQUET)


class FileNegotiation(DefaultContentNegotiation):
    """Chooses the format of a file by `?format=`, or by the header Accept."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> Any:  # noqa: A002
        matching = [renderer for renderer in renderers if renderer.format == format]
        if not matching:
            raise problem("format", "invalid_choice", f"Allowed: {', '.join(Format.values)}.")
        return matching


class SegmentExport:
    """The export among the actions of the viewset of segments, which has `get_segment`."""

    @extend_schema(
        parameters=[
            OpenApiParameter("format", enum=Format.values),
            OpenApiParameter(
                "purpose", description="Only who permits it leaves; that of the segment by default."
            ),
            OpenApiParameter(
                "columns",
                description="Names with commas: `id` and `entered_at`, which are the default;"
                " `last_seen_at`, `orders`, `value`, `last_order_at`, `accounts`, `trait.KEY`,"
                " `identifier.email`.",
            ),
        ],
        responses={200: OpenApiTypes.BINARY},
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        filterset_class=None,
        pagination_class=None,
        query_parameters=("purpose", "columns"),
        renderer_classes=[JSONLinesFile, CSVFile, ParquetFile],
        content_negotiation_class=FileNegotiation,
    )
    def export(self: Any, request: Request, key: str) -> Response | StreamingHttpResponse:
        """Write the members to a file: those who permit the purpose as their batch is read.

        The header `Tessera-Export` has the id under which `/api/v1/exports/` tells how far it is,
        and how many were left out and why. In CSV an apostrophe stands before what a spreadsheet
        would take for a formula; in Parquet numbers are doubles. Columns beside `id` and
        `entered_at` need the scope `profiles:read`.
        """
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        columns = _columns_of(request)
        purpose = _purpose_of(request)
        file_format = str(request.accepted_renderer.format)
        if request.method == "HEAD":
            return Response()
        with problems_from_services(status=409):
            export = services.start_export(
                segment,
                purpose=purpose,
                columns=columns,
                format=file_format,
                actor=actor_of(request),
            )
        # Whoever may ask for these columns may see them.
        return file_response(export, columns, Mask(is_open=True))


def file_response(export: MemberExport, columns: list[Column], mask: Mask) -> StreamingHttpResponse:
    """Return the file of an export that was started."""
    response = StreamingHttpResponse(
        services.write_export(export, columns, mask),
        content_type=MEDIA_TYPES[Format(export.format)],
    )
    name = f"{export.segment.key}-{export.started_at:%Y-%m-%d}.{export.format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Tessera-Export"] = str(export.pk)
    response["Cache-Control"] = "no-store"
    return response


def _columns_of(request: Request) -> list[Column]:
    names = [name for name in request.query_params.get("columns", "").split(",") if name]
    if len(names) > MAX_COLUMNS:
        raise problem("columns", "out_of_range", f"At most {MAX_COLUMNS} columns.")
    try:
        columns = read_columns(names, column_choices())
    except UnknownColumns as error:
        allowed = "id, entered_at, last_seen_at, orders, value, last_order_at, accounts, trait.KEY"
        detail = f"There is no column {error.names[0]!r}; there are: {allowed}, identifier.email."
        raise problem("columns", "unknown", detail) from None
    if any(column.is_personal for column in columns) and not may_count_people(request):
        raise PermissionDenied("Columns beside id and entered_at need the scope profiles:read.")
    return columns


def _purpose_of(request: Request) -> Purpose | None:
    key = request.query_params.get("purpose")
    if key is None:
        return None
    purpose = Purpose.objects.filter(key=key).first() if "\x00" not in key else None
    if purpose is None:
        raise problem("purpose", "unknown", "No purpose has this key.")
    return purpose


class ExportFilter(StrictFilterSet):
    segment = filters.CharFilter(field_name="segment__key")
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
    """Exports of members: how far each is, and how many were left out and why."""

    scopes = {"GET": Scope.SEGMENTS_READ}
    queryset: Any = MemberExport.objects.select_related("segment", "purpose")
    serializer_class: Any = ExportSerializer
    filterset_class: Any = ExportFilter
    cursor_ordering = ("-started_at", "id")

    def get_queryset(self) -> Any:
        """Return the exports, for a key that may not read people those of plain segments alone."""
        rows = super().get_queryset()
        if may_count_people(self.request):
            return rows
        # How many were left out, and of how many, are counts by what is hidden.
        return rows.exclude(segment__in=services.sensitive_segments())
