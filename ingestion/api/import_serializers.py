"""Serializers of imported files, their refused rows, and saved mappings."""

import base64
import binascii
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ingestion.file_rows import Refusal, cells_of
from ingestion.imports.inspect import Column
from ingestion.imports.tables import FORMATS
from ingestion.imports.trial import TrialReport
from ingestion.models import FileImport, RefusedRow, SavedMapping
from ingestion.services import is_encoding, received_bytes
from profiles.api.kit.fields import AnyField
from profiles.models import Source
from profiles.models.sources import KEY_VALIDATOR

MAX_FILE_BYTES = 2**40
# In base64 below DATA_UPLOAD_MAX_MEMORY_SIZE, as which Django refuses a body.
MAX_PART_BYTES = 1024 * 1024


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.JSONField):
    """A JSON object, judged by whoever reads it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("a JSON object", code="not_an_object")
        return data


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.Field[bytes, str, str, Any]):
    """Bytes as base64."""

    def to_internal_value(self, data: Any) -> bytes:
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise serializers.ValidationError("base64", code="not_base64") from None
        if len(content) > MAX_PART_BYTES:
            detail = f"at most {MAX_PART_BYTES} bytes"
            raise serializers.ValidationError(detail, code="too_large")
        return content


class ReadingSerializer(serializers.Serializer[dict[str, Any]]):
    """How a file is read; what is left out is found out."""

    format = serializers.ChoiceField(choices=FORMATS, required=False)
    encoding = serializers.CharField(max_length=40, required=False)
    delimiter = serializers.CharField(
        max_length=10,
        required=False,
        trim_whitespace=False,
        help_text="One sign, or `whitespace` for a table that is laid out by blanks.",
    )
    has_header = serializers.BooleanField(required=False)
    sheet = serializers.CharField(max_length=255, required=False, allow_blank=True)

    def validate_encoding(self, value: str) -> str:
        if not is_encoding(value):
            raise serializers.ValidationError("an encoding such as utf-8 or cp1252")
        return value

    def validate_delimiter(self, value: str) -> str:
        if value != "whitespace" and (len(value) != 1 or value in '"\r\n\0 '):
            raise serializers.ValidationError("one sign, or whitespace")
        return value


class NewImportSerializer(serializers.Serializer[dict[str, Any]]):
    """A file to upload."""

    # The metaclass takes fields out of the class, so that this one hides no attribute.
    source = serializers.SlugRelatedField(  # type: ignore[assignment]
        slug_field="key", queryset=Source.objects
    )
    name = serializers.CharField(max_length=255, help_text="The name of the file.")
    size = serializers.IntegerField(min_value=1, max_value=MAX_FILE_BYTES)


class FilePartSerializer(serializers.Serializer[dict[str, Any]]):
    """The next bytes of a file."""

    offset = serializers.IntegerField(
        min_value=0, max_value=MAX_FILE_BYTES, help_text="The place of the first byte in the file."
    )
    content = Base64Field(help_text=f"At most {MAX_PART_BYTES // 1024 // 1024} MB, as base64.")


class ImportSerializer(serializers.ModelSerializer[FileImport]):
    """An imported file, how far it has come, and how its rows ended."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="source.key", read_only=True
    )
    received = serializers.SerializerMethodField(
        help_text="Bytes that have come; the next part begins there. Null once it was read."
    )

    class Meta:
        model = FileImport
        fields = (
            "id",
            "source",
            "name",
            "size",
            "received",
            "status",
            "reading",
            "mapping",
            "rows",
            "stored",
            "unchanged",
            "refused",
            "dropped",
            "fault",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": ["integer", "null"]})
    def get_received(self, file_import: FileImport) -> int | None:
        waits = (FileImport.Status.UPLOADING, FileImport.Status.UPLOADED)
        return received_bytes(file_import) if file_import.status in waits else None


class ColumnSerializer(serializers.Serializer[Column]):
    """What the cells of a column look like in the first 1,000 rows."""

    name = serializers.CharField()
    format = serializers.CharField()
    other_formats = serializers.ListField(child=serializers.CharField())
    filled = serializers.FloatField(help_text="The share of rows with a cell here, 0 to 1.")
    examples = serializers.ListField(child=serializers.CharField(allow_blank=True))


class InspectionSerializer(serializers.Serializer[Any]):
    """What was found out about a file, and a mapping that is likely meant."""

    reading = serializers.SerializerMethodField()
    columns = ColumnSerializer(many=True)
    mapping = ObjectField()

    @extend_schema_field(ReadingSerializer)
    def get_reading(self, inspection: Any) -> dict[str, Any]:
        reading: dict[str, Any] = inspection.reading.as_stored()
        return reading


class StartSerializer(serializers.Serializer[dict[str, Any]]):
    """What the columns of an uploaded file mean."""

    mapping = ObjectField(required=False, help_text="As docs/imports.md describes it.")
    saved_mapping = serializers.SlugRelatedField(
        slug_field="key", queryset=SavedMapping.objects, required=False
    )
    reading = ReadingSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("mapping" in attrs) == ("saved_mapping" in attrs):
            raise serializers.ValidationError({"mapping": "either this or saved_mapping"})
        return attrs


class RefusalSerializer(serializers.Serializer[Refusal]):
    """A row that would be refused."""

    row = serializers.IntegerField(source="number")
    code = serializers.CharField()
    column = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    cells = AnyField()


class TrialSerializer(serializers.Serializer[TrialReport]):
    """How the first rows would end, and whom they name."""

    rows = serializers.IntegerField()
    stored = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    dropped = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Rows of people who are in the store.")
    new = serializers.IntegerField(help_text="Rows of people who are not.")
    merging = serializers.IntegerField(help_text="Rows that name several people of the store.")
    forbidden = serializers.IntegerField(
        help_text="Cells under forbidden names, which are left out of rows that are taken."
    )
    is_whole = serializers.BooleanField(help_text="Whether the whole file was tried.")
    first_refused = RefusalSerializer(many=True)


class RefusedRowSerializer(serializers.ModelSerializer[RefusedRow]):
    """A row that was refused, with its cells."""

    row = serializers.IntegerField(source="number", read_only=True)
    cells = serializers.SerializerMethodField()

    class Meta:
        model = RefusedRow
        fields = ("row", "code", "column", "detail", "cells")
        read_only_fields = ("code", "column", "detail")

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_cells(self, row: RefusedRow) -> dict[str, Any]:
        return cells_of(row)


class SavedMappingSerializer(serializers.ModelSerializer[SavedMapping]):
    """A mapping under a name, for files of one shape."""

    key = serializers.CharField(max_length=63, validators=[KEY_VALIDATOR])
    mapping = ObjectField()
    reading = ReadingSerializer(required=False)

    class Meta:
        model = SavedMapping
        fields = ("key", "mapping", "reading")
