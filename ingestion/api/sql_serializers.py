"""Serializers of SQL sources, their runs and previews."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ingestion.api.import_serializers import ObjectField
from ingestion.models import SqlRun, SqlSource
from ingestion.services import PreviewRow, SqlPreview, position_text
from profiles.models import Source

MAX_QUERY = 20_000
MAX_URL = 2_000
MAX_MINUTES = 60 * 24 * 366


class NewSqlSourceSerializer(serializers.Serializer[dict[str, Any]]):
    """A query of another database, whose rows become messages."""

    name = serializers.CharField(max_length=120)
    # The metaclass takes fields out of the class, so that this one hides no attribute.
    source = serializers.SlugRelatedField(  # type: ignore[assignment]
        slug_field="key", queryset=Source.objects
    )
    url = serializers.CharField(
        max_length=MAX_URL,
        help_text="Such as postgresql://user:password@host/db. Stored sealed and never shown.",
    )
    query = serializers.CharField(max_length=MAX_QUERY)
    cursor_column = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        help_text="Without one all rows are read each time; new and changed ones are taken.",
    )
    mapping = ObjectField(help_text="As docs/imports.md describes it.")
    look_back_minutes = serializers.IntegerField(min_value=0, max_value=MAX_MINUTES, required=False)
    interval_minutes = serializers.IntegerField(min_value=1, max_value=MAX_MINUTES, required=False)


class SqlSourceSerializer(serializers.ModelSerializer[SqlSource]):
    """A query that is asked again at intervals, how far it was read and how it stands."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="source.key", read_only=True
    )
    position = serializers.SerializerMethodField(
        help_text="The value of the cursor column up to which rows were read."
    )
    # As the database has it: what is not readable is no mapping.
    mapping = ObjectField(read_only=True)

    class Meta:
        model = SqlSource
        fields = (
            *("id", "name", "source", "place", "query", "cursor_column", "look_back_minutes"),
            *("interval_minutes", "mapping", "position", "state", "pause_reason", "failures"),
            *("fault", "next_at", "created_at"),
        )
        read_only_fields = fields

    @extend_schema_field({"type": "string"})
    def get_position(self, sql_source: SqlSource) -> str:
        return position_text(sql_source)


_TIMES = ("started_at", "finished_at")


class SqlRunSerializer(serializers.ModelSerializer[SqlRun]):
    """One run, and how its rows ended. `import_id` names the import with the refused rows."""

    import_id = serializers.UUIDField(
        source="file_import.uuid", read_only=True, default=None, allow_null=True
    )
    rows = serializers.IntegerField(source="file_import.rows", read_only=True, default=0)
    stored = serializers.IntegerField(source="file_import.stored", read_only=True, default=0)
    unchanged = serializers.IntegerField(source="file_import.unchanged", read_only=True, default=0)
    refused = serializers.IntegerField(source="file_import.refused", read_only=True, default=0)
    dropped = serializers.IntegerField(source="file_import.dropped", read_only=True, default=0)

    class Meta:
        model = SqlRun
        fields = (
            *("id", "import_id", "rows", "stored", "unchanged", "refused", "dropped"),
            *("without_cursor", "same", "vanished", "fault", "started_at", "finished_at"),
        )
        read_only_fields = ("id", "without_cursor", "same", "vanished", "fault", *_TIMES)


class PreviewRowSerializer(serializers.Serializer[PreviewRow]):
    """A row of the query with its message, or with the reason why it would be refused."""

    cells = ObjectField()
    message = ObjectField(allow_null=True)
    code = serializers.CharField(allow_blank=True)
    column = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)


class SqlPreviewSerializer(serializers.Serializer[SqlPreview]):
    """The first 20 rows, and what the whole query would cost."""

    columns = serializers.ListField(child=serializers.CharField())
    rows = PreviewRowSerializer(many=True)
    cost = serializers.FloatField(
        allow_null=True, help_text="By EXPLAIN, in the database's own unit; null where it has none."
    )
    without_cursor = serializers.IntegerField(
        help_text="Rows that have no value in the cursor column, which are not read."
    )
