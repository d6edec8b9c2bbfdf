"""The response bodies of exports."""

from typing import Any

from rest_framework import serializers

from segments.lib.left_out import LeftOut
from segments.models import MemberExport


class LeftOutSerializer(serializers.Serializer[Any]):
    """How many members were left out, by reason; a reason that nobody has is missing."""

    def get_fields(self) -> dict[str, Any]:
        return {str(reason): serializers.IntegerField(required=False) for reason in LeftOut}


class ExportSerializer(serializers.ModelSerializer[MemberExport]):
    """An export: `read` of `members` were looked at, `written` of them are in the file."""

    segment = serializers.CharField(source="segment.key")
    purpose = serializers.CharField(source="purpose.key")
    left_out = LeftOutSerializer()

    class Meta:
        model = MemberExport
        fields = (
            "id",
            "segment",
            "purpose",
            "format",
            "columns",
            "state",
            "members",
            "read",
            "written",
            "left_out",
            "started_at",
            "moved_at",
        )
