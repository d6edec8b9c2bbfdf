"""The request and response bodies of tracking plans."""

from typing import Any

from rest_framework import serializers

from ingestion.models import TrackingPlan
from profiles.api.kit.fields import AnyField

MAX_CHECKED = 100
CONTENT_HELP = (
    "`policy` is for what breaks a schema (allow, flag or refuse; flag if it is missing) and "
    "`unplanned` for events that are not in the plan (allow if it is missing). `events` by name "
    "and `calls` (identify, group, page, screen) each have a `schema`, JSON Schema 2020-12 of the "
    "properties or traits, and may have a `policy` of their own."
)


class PlanContentSerializer(serializers.Serializer[Any]):
    """A tracking plan to put in force."""

    content = serializers.DictField(help_text=CONTENT_HELP)


class PlanSerializer(serializers.ModelSerializer[TrackingPlan]):
    """The tracking plan in force."""

    content = serializers.DictField(help_text=CONTENT_HELP)

    class Meta:
        model = TrackingPlan
        fields = ("version", "content", "made_at")
        read_only_fields = ("version", "made_at")


class PlanDraftSerializer(serializers.Serializer[Any]):
    """A tracking plan that is not in force."""

    content = serializers.DictField(help_text=CONTENT_HELP)
    messages = serializers.IntegerField(help_text="How many messages it was made from.")


class PlanCheckSerializer(serializers.Serializer[Any]):
    """A plan to try, on messages or on the last ones that were taken."""

    content = serializers.DictField(
        required=False, help_text="The plan in force where it is missing."
    )
    messages = serializers.ListField(
        child=AnyField(),
        required=False,
        min_length=1,
        max_length=MAX_CHECKED,
        help_text="The last messages of the source where they are missing.",
    )


class PlanVerdictSerializer(serializers.Serializer[Any]):
    """A message that is refused or flagged; `policy` is "invalid" whatever the plan says."""

    index = serializers.IntegerField()
    policy = serializers.ChoiceField(choices=["flag", "refuse", "invalid"])
    code = serializers.CharField()
    path = serializers.CharField()
    detail = serializers.CharField()


class PlanReportSerializer(serializers.Serializer[Any]):
    """What a plan would do to messages."""

    checked = serializers.IntegerField()
    refused = serializers.IntegerField()
    flagged = serializers.IntegerField()
    verdicts = PlanVerdictSerializer(many=True)
