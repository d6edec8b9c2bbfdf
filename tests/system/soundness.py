"""Whether everything stands as it would if nothing had gone wrong: recomputed in full and compared."""

from collections import Counter

from ingestion.models import InboxRow, RejectedMessage
from profiles.identity.verify import find_drift
from profiles.lib.database import database_now
from profiles.models import Event, ProfileChange, SeenMessage
from segments.memberships.rebuild import DEAD_AFTER
from segments.models import NotedProfile, Rebuild, Segment, StagedMembership
from segments.services import refresh_changed, refresh_due, resume_rebuilds, verify_memberships


def forget_the_dead() -> None:
    """Let so much time pass that whoever died is known to be dead."""
    long_ago = database_now() - 2 * DEAD_AFTER
    Rebuild.objects.update(heartbeat_at=long_ago)
    InboxRow.objects.filter(lease__isnull=False).update(leased_until=long_ago)


def catch_up() -> None:
    """Do what workers would do for segments, until nothing is left to do."""
    forget_the_dead()
    resume_rebuilds()
    refresh_changed()
    refresh_due()


def assert_sound() -> None:
    """People are what facts, records and events make of them, members are who a full evaluation finds, no work is left over."""
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
    """Who is in by what was written down; it must alternate, whoever races."""
    inside: set[int] = set()
    for profile, has_entered in segment.changes.order_by("id").values_list(
        "profile_id", "has_entered"
    ):
        assert (profile in inside) is not has_entered
        (inside.add if has_entered else inside.remove)(profile)
    return inside


def assert_exactly_once(numbers: set[int], *, messages: int) -> None:
    """Each numbered event is there once and no other; as many messages were seen, and none was rejected."""
    rejected = RejectedMessage.objects.values_list("code", "detail").distinct()
    assert list(rejected) == []
    stored = Counter(told["n"] for told in Event.objects.values_list("properties", flat=True))
    assert set(stored) == numbers
    assert set(stored.values()) <= {1}
    assert SeenMessage.objects.count() == messages
