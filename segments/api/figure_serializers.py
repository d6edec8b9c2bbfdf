"""The response bodies of figures: sizes and flows, overlaps, members of the past."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from segments.lib.moments import EARLIEST, LATEST
from segments.models import MembershipChange, Segment


class MomentField(serializers.DateTimeField):
    """A time around which every computation stays within the calendar."""

    default_error_messages = {
        "out_of_range": f"Times go from the year {EARLIEST.year} to {LATEST.year - 1}."
    }

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime = super().to_internal_value(value)
        if not EARLIEST <= moment < LATEST:
            self.fail("out_of_range")
        return moment


class SpanSerializer(serializers.Serializer[Any]):
    """A time span, half open."""

    since = MomentField(required=False)
    until = MomentField(required=False)


class DaySizeSerializer(serializers.Serializer[Any]):
    """The last size of a local day."""

    day = serializers.DateField()
    size = serializers.IntegerField()


class DayFlowSerializer(serializers.Serializer[Any]):
    """How many entries or exits a local day had, for one reason."""

    day = serializers.DateField()
    reason = serializers.ChoiceField(MembershipChange.Reason.choices)
    entered = serializers.BooleanField(source="has_entered")
    people = serializers.IntegerField()


class FlagSerializer(serializers.Serializer[Any]):
    """What may be wrong with a segment."""

    code = serializers.ChoiceField(["small", "large", "still", "same_people"])
    detail = serializers.CharField()


class FiguresSerializer(serializers.Serializer[Any]):
    """Sizes and flows by day, what may be wrong, and the keys of segments that lean on it."""

    sizes = DaySizeSerializer(many=True)
    flows = DayFlowSerializer(many=True)
    flags = FlagSerializer(many=True)
    dependants = serializers.ListField(child=serializers.CharField())


class SegmentSizeSerializer(serializers.ModelSerializer[Segment]):
    """A segment and its size."""

    class Meta:
        model = Segment
        fields = ("key", "name", "size")


class CombinationSerializer(serializers.Serializer[Any]):
    """How many people are in exactly these segments, of those asked about."""

    keys = serializers.ListField(child=serializers.CharField())
    size = serializers.IntegerField()


class OverlapSerializer(serializers.Serializer[Any]):
    """Some segments with their sizes, and what they have in common."""

    segments = SegmentSizeSerializer(many=True)
    combinations = CombinationSerializer(many=True)


class PastMomentSerializer(serializers.Serializer[Any]):
    """The instant that is asked about."""

    at = MomentField()


class PastMemberSerializer(serializers.Serializer[Any]):
    """A person who was a member since `entered_at`."""

    profile = serializers.UUIDField()
    entered_at = serializers.DateTimeField()


class PastMembersSerializer(serializers.Serializer[Any]):
    """A page of those who were members at an instant, and the size that was shown then."""

    at = serializers.DateTimeField()
    size_then = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PastMemberSerializer(many=True)
