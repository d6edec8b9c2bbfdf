"""Public keys bring up so many names of events and traits only; what is beyond is counted."""

from typing import Any

import pytest

from ingestion.models import DroppedCount
from profiles.models import Event, EventName, SourceRecord, TraitDefinition, TrustLevel
from tests.factories import profile_of, send_messages

pytestmark = pytest.mark.django_db
CLAIM = TrustLevel.CLAIM


@pytest.fixture(autouse=True)
def five_names(settings: Any) -> None:
    settings.CLAIMED_NAMES_PER_SOURCE = 5


def track(name: str) -> dict[str, Any]:
    return {"type": "track", "event": name, "anonymousId": "a1"}


def counted(reason: str) -> int:
    return sum(DroppedCount.objects.filter(reason=reason).values_list("count", flat=True))


def test_events_beyond_the_bound_are_kept_under_one_name_and_counted() -> None:
    for start in (0, 4, 8):
        batch = [track(f"Name {number}") for number in range(start, start + 4)]
        send_messages(*batch, source="web", trust=CLAIM)
    assert Event.objects.count() == 12
    assert EventName.objects.count() == 6
    assert Event.objects.filter(name__name="Other events").count() == 7
    assert counted("event_name") == 7
    # What is known stays what it was, and another source has a bound of its own.
    send_messages(track("Name 0"), source="web", trust=CLAIM)
    send_messages(track("Elsewhere"), source="app", trust=CLAIM)
    assert Event.objects.filter(name__name="Name 0").count() == 2
    assert Event.objects.filter(name__name="Elsewhere").count() == 1


def test_traits_beyond_the_bound_are_left_out_and_counted() -> None:
    for number in range(9):
        traits = {f"t{number}": number, "t0": "again"}
        send_messages({"anonymousId": "a1", "traits": traits}, source="web", trust=CLAIM)
    assert TraitDefinition.objects.count() == 5
    assert set(profile_of("anonymous_id:a1").traits) == {f"t{number}" for number in range(5)}
    [record] = SourceRecord.objects.all()
    assert set(record.traits) == {f"t{number}" for number in range(5)}
    assert counted("trait_name") == 4


def test_one_message_cannot_bring_more_than_the_bound() -> None:
    traits = {f"t{number}": number for number in range(30)}
    send_messages({"anonymousId": "a1", "traits": traits}, source="web", trust=CLAIM)
    assert TraitDefinition.objects.count() == 5
    assert counted("trait_name") == 25


def test_what_a_server_sends_is_bounded_by_nothing() -> None:
    traits = {f"t{number}": number for number in range(9)}
    names = [track(f"Name {number}") for number in range(9)]
    send_messages({"anonymousId": "a1", "traits": traits}, *names)
    assert TraitDefinition.objects.count() == 9
    assert EventName.objects.count() == 9
    # The names are known now, so that claims may use them.
    send_messages(*names, {"anonymousId": "a1", "traits": traits}, source="web", trust=CLAIM)
    assert Event.objects.count() == 18
    assert not DroppedCount.objects.exists()
