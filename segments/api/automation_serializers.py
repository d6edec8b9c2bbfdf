"""The request and response bodies of automations."""

from typing import Any

from rest_framework import serializers

from consent.models import Purpose
from segments.api.visibility import may_count_people
from segments.models import Automation, AutomationRun
from segments.services import is_sensitive_automation

MASK = "…"


class AutomationSerializer(serializers.ModelSerializer[Automation]):
    """What starts for a person, the steps that follow, and the purpose that they must permit.

    `definition` is what was saved; new runs follow it once it is published.
    """

    definition = serializers.DictField()
    purpose = serializers.SlugRelatedField(slug_field="key", queryset=Purpose.objects.all())
    status = serializers.CharField(read_only=True, help_text="draft, live, paused or archived.")

    class Meta:
        model = Automation
        fields: tuple[str, ...] = (
            *("key", "name", "purpose", "priority", "definition", "status", "version"),
            *("live_since", "created_at"),
        )
        read_only_fields: tuple[str, ...] = ("version", "live_since", "created_at")
        # The service says that a key is taken.
        extra_kwargs = {"key": {"validators": [*Automation._meta.get_field("key").validators[:1]]}}

    def to_representation(self, instance: Automation) -> dict[str, Any]:
        fields: dict[str, Any] = super().to_representation(instance)
        may_see = may_count_people(self.context.get("request"))
        if not may_see and is_sensitive_automation(instance.definition):
            # A condition on such data says by its numbers what people are.
            fields["definition"] = {}
        return fields


class AutomationChangeSerializer(AutomationSerializer):
    """What may change of an automation."""

    class Meta(AutomationSerializer.Meta):
        fields = ("name", "purpose", "priority", "definition")
        read_only_fields = ()


class StepNumbersSerializer(serializers.Serializer[Any]):
    """How many people wait at a step, how many passed it, and what became of them there."""

    waiting = serializers.IntegerField()
    passed = serializers.IntegerField()
    outcomes = serializers.DictField(child=serializers.IntegerField())
    clicked = serializers.IntegerField(
        help_text="Mails of which a link was clicked, where the template has that counted."
    )


class GroupNumbersSerializer(serializers.Serializer[Any]):
    """How many runs a group has, and how many of them reached the goal."""

    runs = serializers.IntegerField()
    goal = serializers.IntegerField()


class AutomationNumbersSerializer(AutomationSerializer):
    """An automation with its runs by state, and the numbers of each step by its path."""

    runs = serializers.DictField(child=serializers.IntegerField())
    steps = serializers.DictField(child=StepNumbersSerializer())
    groups = serializers.DictField(
        child=GroupNumbersSerializer(), help_text="Those who get what it does, and those held out."
    )

    class Meta(AutomationSerializer.Meta):
        fields = (*AutomationSerializer.Meta.fields, "runs", "steps", "groups")


class PublishSerializer(serializers.Serializer[Any]):
    """Whether people on their way follow the new version, too, as far as their step is in it."""

    moves_people = serializers.BooleanField(default=False)


class InstallSerializer(serializers.Serializer[Any]):
    """The key of a template, and the purpose that people must permit."""

    template = serializers.CharField(max_length=63)
    purpose = serializers.SlugRelatedField(slug_field="key", queryset=Purpose.objects.all())


class AutomationTemplateSerializer(serializers.Serializer[Any]):
    """An automation that is ready to be installed."""

    key = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField()


class AutomationTrialRequestSerializer(serializers.Serializer[Any]):
    """A person who is made up: their traits, and whether they permit the purpose."""

    traits = serializers.DictField(default=dict)
    is_permitted = serializers.BooleanField(default=True)


class AutomationTrialStepSerializer(serializers.Serializer[Any]):
    """What was decided at a step, and when in the time that was made to pass."""

    step = serializers.CharField()
    kind = serializers.CharField()
    outcome = serializers.CharField()
    branch = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class AutomationTrialSerializer(serializers.Serializer[Any]):
    """The way of a made-up person through the steps, and how it ended."""

    steps = AutomationTrialStepSerializer(many=True)
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)


class PastSerializer(serializers.Serializer[Any]):
    """How many days to look back."""

    days = serializers.IntegerField(min_value=1, max_value=365, default=30)


class StartsSerializer(serializers.Serializer[Any]):
    """How many people would have started on a day."""

    day = serializers.DateField()
    people = serializers.IntegerField()


class StartsByDaySerializer(serializers.Serializer[Any]):
    """The days on which somebody would have started."""

    days = StartsSerializer(many=True)


class AutomationRunSerializer(serializers.ModelSerializer[AutomationRun]):
    """One person on their way. `profile` is hidden from keys without `profiles:read`."""

    profile = serializers.SerializerMethodField()

    class Meta:
        model = AutomationRun
        fields = (
            *("id", "profile", "version", "state", "reason", "step", "started_at"),
            *("due_at", "ended_at"),
        )

    def get_profile(self, run: AutomationRun) -> str:
        may_see = may_count_people(self.context.get("request"))
        return str(run.key) if may_see else MASK
