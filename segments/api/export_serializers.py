"""The request and response bodies of exports."""

from typing import Any

from rest_framework import serializers

from segments.api.serializers import DefinitionField
from segments.exports.columns import MAX_COLUMNS
from segments.exports.orders import DEFAULT_HOURS, MOST_HOURS
from segments.lib.left_out import LeftOut
from segments.models import MemberExport


class LeftOutSerializer(serializers.Serializer[Any]):
    """How many people were left out, by reason; a reason that nobody has is missing."""

    def get_fields(self) -> dict[str, Any]:
        return {str(reason): serializers.IntegerField(required=False) for reason in LeftOut}


class ExportSerializer(serializers.ModelSerializer[MemberExport]):
    """An export: `read` of `members` were looked at, `written` of them are in the file.

    It is of a `segment`, of a `list`, or of whom a `definition` fits. Whoever is looked at for a
    definition is everybody, so that `members` is an estimate then.
    """

    segment = serializers.CharField(source="segment.key", default=None, allow_null=True)
    list = serializers.CharField(source="list.key", default=None, allow_null=True)
    definition = DefinitionField(allow_null=True)
    purpose = serializers.CharField(source="purpose.key")
    left_out = LeftOutSerializer()
    is_encrypted = serializers.BooleanField(source="recipient")

    class Meta:
        model = MemberExport
        fields: tuple[str, ...] = (
            "id",
            "segment",
            "list",
            "definition",
            "purpose",
            "format",
            "columns",
            "is_encrypted",
            "state",
            "members",
            "read",
            "written",
            "left_out",
            "started_at",
            "moved_at",
            "expires_at",
        )


class NewExportSerializer(serializers.Serializer[Any]):
    """An export that is fetched by a link: whom, for what, and as which file."""

    segment = serializers.CharField(required=False, help_text="The key of a live segment.")
    list = serializers.CharField(required=False, help_text="The key of a list.")
    definition = DefinitionField(required=False)
    purpose = serializers.CharField(
        required=False, help_text="Only who permits it leaves; that of the segment by default."
    )
    columns = serializers.ListField(
        child=serializers.CharField(max_length=270),
        default=[],
        max_length=MAX_COLUMNS,
        help_text="As in the export of a segment; `id` and `entered_at` by default.",
    )
    format = serializers.ChoiceField(
        MemberExport.Format.choices, default=MemberExport.Format.JSON_LINES
    )
    recipient = serializers.CharField(
        required=False, max_length=2000, help_text="A public key of age that the file is for."
    )
    hours = serializers.IntegerField(
        default=DEFAULT_HOURS,
        min_value=1,
        max_value=MOST_HOURS,
        help_text="How long the link works.",
    )


class ExportLinkSerializer(serializers.Serializer[Any]):
    """Where the file is fetched, once: by the page at `url`, or by `POST` of the `code` there."""

    url = serializers.CharField()
    code = serializers.CharField()
    expires_at = serializers.DateTimeField()


class OrderedExportSerializer(ExportSerializer):
    """An export with its link, which is shown this once."""

    link = ExportLinkSerializer()

    class Meta(ExportSerializer.Meta):
        fields: tuple[str, ...] = (*ExportSerializer.Meta.fields, "link")
