"""The file of an export: that of a segment, which is streamed at once, and how each is answered."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from consent.models import Purpose
from profiles.api.kit.access import actor_of
from profiles.api.kit.problems import problem
from profiles.models import Profile
from segments import services
from segments.api.exact import ExactJSONRenderer
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
from segments.services import ExportOrder

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
            OpenApiParameter("recipient", description="A public key of age that the file is for."),
            OpenApiParameter(
                "after",
                OpenApiTypes.UUID,
                description="The `id` in the last whole row of a file that broke off: the rows"
                " behind it.",
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
        query_parameters=("purpose", "columns", "recipient", "after"),
        renderer_classes=[JSONLinesFile, CSVFile, ParquetFile],
        content_negotiation_class=FileNegotiation,
    )
    def export(self: Any, request: Request, key: str) -> Response | StreamingHttpResponse:
        """Write the members to a file: those who permit the purpose as their batch is read.

        The header `Tessera-Export` has the id under which `/api/v1/exports/` tells how far it is,
        and how many were left out and why. In CSV an apostrophe stands before what a spreadsheet
        would take for a formula; in Parquet numbers are doubles. Columns beside `id` and
        `entered_at` need the scope `profiles:read`. A file that broke off goes on with `after`.
        """
        segment = self.get_segment()
        refuse_sensitive_segment(request, segment)
        query = request.query_params
        order = ExportOrder(
            segment=segment,
            purpose=purpose_of(query.get("purpose")),
            columns=columns_of(request, query.get("columns", "").split(",")),
            format=str(request.accepted_renderer.format),
            recipient=query.get("recipient", ""),
        )
        after = _profile_of(query.get("after"))
        if request.method == "HEAD":
            return Response()
        with problems_from_services(status=409):
            export = services.order_export(order, actor=actor_of(request))
            services.take_export(export, actor=actor_of(request))
        return file_response(export, after=after)


def file_response(export: MemberExport, *, after: int = 0) -> StreamingHttpResponse:
    """Return the file of an export that was taken, from behind the profile `after` on."""
    file_format = Format(export.format)
    response = StreamingHttpResponse(
        services.write_export(export, after=after),
        content_type="application/octet-stream" if export.recipient else MEDIA_TYPES[file_format],
    )
    source = export.segment or export.list
    ending = f"{file_format}.age" if export.recipient else file_format
    name = f"{source.key if source else 'people'}-{export.started_at:%Y-%m-%d}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Tessera-Export"] = str(export.pk)
    response["Cache-Control"] = "no-store"
    return response


def columns_of(request: Request, names: Iterable[str]) -> list[Column]:
    """Return the columns of these names, if the key may have them."""
    wanted = [name for name in names if name]
    if len(wanted) > MAX_COLUMNS:
        raise problem("columns", "out_of_range", f"At most {MAX_COLUMNS} columns.")
    try:
        columns = read_columns(wanted, column_choices())
    except UnknownColumns as error:
        allowed = "id, entered_at, last_seen_at, orders, value, last_order_at, accounts, trait.KEY"
        detail = f"There is no column {error.names[0]!r}; there are: {allowed}, identifier.email."
        raise problem("columns", "unknown", detail) from None
    if any(column.is_personal for column in columns) and not may_count_people(request):
        raise PermissionDenied("Columns beside id and entered_at need the scope profiles:read.")
    return columns


def purpose_of(key: str | None) -> Purpose | None:
    """Return the purpose with a key, None for none. Raises Problem where there is no such one."""
    if key is None:
        return None
    purpose = Purpose.objects.filter(key=key).first() if "\x00" not in key else None
    if purpose is None:
        raise problem("purpose", "unknown", "No purpose has this key.")
    return purpose


def _profile_of(text: str | None) -> int:
    """Return the profile behind which a file goes on: the rows are in the order of the profiles."""
    if text is None:
        return 0
    try:
        uuid = UUID(text)
    except ValueError:
        raise problem("after", "invalid", "The id of a row, a UUID.") from None
    # That of somebody who was merged since tells no place.
    profile_id = Profile.objects.filter(uuid=uuid).values_list("pk", flat=True).first()
    if profile_id is None:
        raise problem("after", "unknown", "Nobody has this id any more: begin again.")
    return profile_id
