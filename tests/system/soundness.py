"""Assertions that all data are as if nothing had gone wrong, by computing them again."""

from collections import Counter

from ingestion.models import InboxRow, RejectedMessage
from profiles.identity.verify import find_drift
from profiles.lib.database import database_now
from profiles.models import Event, ProfileChange, SeenMessage
from segments.memberships.leases import DEAD_AFTER
from segments.models import NotedProfile, Rebuild, Segment, StagedMembership
from segments.services import refresh_changed, refresh_due, resume_rebuilds, verify_memberships


def expire_leases() -> None:
    """Expire all leases and heartbeats, as time would do after a worker died."""
    long_ago = database_now() - 2 * DEAD_AFTER
    Rebuild.objects.update(heartbeat_at=long_ago)
    InboxRow.objects.filter(lease__isnull=False).update(leased_until=long_ago)


def catch_up() -> None:
    """Do what workers would do for segments, until nothing is left to do."""
    expire_leases()
    resume_rebuilds()
    refresh_changed()
    refresh_due()


def assert_sound() -> None:
    """Assert that profiles and memberships equal a full computation, and that no work is left."""
    assert list(find_drift()) == []
    drift = verify_memberships()
    assert set(drift) == set(Segment.objects.filter(status="live").values_list("key", flat=True))
    assert set(drift.values()) <= {0}
    for segment in Segment.objects.filter(status="live"):
        members = set(segment.memberships.values_list("profile_id", flat=True))
        assert segment.size == len(members)
        assert members_by_history(segment) == members
    for leftover in (InboxRow, ProfileChange, Rebuild, StagedMembership, NotedProfile):
        assert not leftover.objects.exists(), leftover


def members_by_history(segment: Segment) -> set[int]:
    """Return the members by the history of changes, in which entering and leaving alternate."""
    members: set[int] = set()
    changes = segment.changes.order_by("id").values_list("profile_id", "has_entered")
    for profile_id, has_entered in changes:
        assert (profile_id in members) is not has_entered
        (members.add if has_entered else members.remove)(profile_id)
    return members


def assert_exactly_once(numbers: set[int], *, messages: int) -> None:
    """Assert that these events and no others are stored, each once, and no message was rejected.

    `messages` is the number of all messages that must have been seen.
    """
    rejected = RejectedMessage.objects.values_list("code", "detail").distinct()
    assert list(rejected) == []
    all_properties = Event.objects.values_list("properties", flat=True)
    stored = Counter(properties["n"] for properties in all_properties)
    assert set(stored) == numbers
    assert set(stored.values()) <= {1}
    assert SeenMessage.objects.count() == messages
