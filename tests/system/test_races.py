"""Drains, refreshes, rebuilds, changed definitions and erasures at the same time."""

import logging
import time
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction

from consent.models import PrivacyRequest
from consent.services import act_on_requests, is_suppressed
from ingestion.drain import checkpoints
from ingestion.models import DroppedCount, InboxRow
from ingestion.services import drain_inbox
from profiles.lib.checkpoints import handled
from profiles.models import Identifier, Merge, Profile, ProfileChange
from segments.lib.locks import lock_all_slots
from segments.memberships import rebuild as rebuilds
from segments.memberships import refresh as refreshes
from segments.models import Membership, MembershipChange, Segment
from segments.services import rebuild, refresh_changed, resume_rebuilds, update_segment
from tests.factories import TESTER, accept_only, send_messages
from tests.system.concurrency import at_once, is_anybody_waiting, once_at, pausing, repeat_for
from tests.system.people import EMAIL, VALUES, ask_for_erasure, message_of_ada
from tests.system.product import wait_until
from tests.system.soundness import assert_exactly_once, assert_sound, catch_up
from tests.system.traces import tables_with
from tests.system.traffic import BUYERS, LYON, ROME, events_among, make_live_segment, messages

pytestmark = pytest.mark.usefixtures("committing_db")


def test_an_erasure_in_the_midst_of_a_persons_messages_leaves_nothing_of_them() -> None:
    make_live_segment("lyon", LYON)
    send_messages(message_of_ada(0))
    numbers, neighbours = count(1), count(0, 10)

    def send() -> None:
        first = next(neighbours)
        accept_only(message_of_ada(next(numbers)), *messages(first, first + 10))

    def erase() -> None:
        time.sleep(0.3)
        request = ask_for_erasure()
        while act_on_requests() == 0:
            time.sleep(0.01)
        request.refresh_from_db()
        assert request.status == "done"

    works = [repeat_for(1.5, work) for work in (send, drain_inbox, drain_inbox, refresh_changed)]
    at_once(*works, erase)
    drain_inbox()
    assert tables_with(*VALUES) == {}
    assert is_suppressed(f"email:{EMAIL}")
    assert sum(DroppedCount.objects.values_list("count", flat=True)) > 0
    sent = range(next(neighbours))
    assert_exactly_once(events_among(sent), messages=len(sent) + next(numbers))
    catch_up()
    assert_sound()


def test_a_drain_that_was_about_to_begin_when_somebody_is_erased_does_not_let_them_in() -> None:
    send_messages(message_of_ada(0))
    accept_only(message_of_ada(1))

    def erase(_: object) -> None:
        at_once(ask_for_erasure)
        at_once(act_on_requests)

    with once_at(checkpoints.BEFORE_PEOPLE_LOCK, erase):
        drain_inbox()
    assert not InboxRow.objects.exists()
    assert not Profile.objects.exists()
    assert not Identifier.objects.filter(namespace="email").exists()


def test_workers_that_drain_at_once_apply_each_message_once(settings: Any) -> None:
    settings.INBOX_CHUNK_MESSAGES = 30
    for first in range(0, 600, 10):
        accept_only(*messages(first, first + 10))
    for first in range(595, 0, -7):
        accept_only(*messages(first, first + 5))
    drained = at_once(*[drain_inbox] * 4)
    assert sum(map(bool, drained)) > 1, "one worker did it all"
    sent = range(600)
    assert_exactly_once(events_among(sent), messages=len(sent))
    catch_up()
    assert_sound()


def test_a_worker_whose_lease_ran_out_leaves_nothing_and_the_next_one_does_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="ingestion")
    accept_only(*messages(0, 100))
    leases: list[object] = []

    def lose() -> None:
        InboxRow.objects.update(leased_until="2000-01-01T00:00:00Z")

    def be_late(lease: object) -> None:
        """Let the first worker find at its end that a second one has its rows, and waits for it."""
        leases.append(lease)
        if len(leases) == 1:
            at_once(lose)
            wait_until(lambda: InboxRow.objects.exclude(lease=lease).exists())

    def second() -> int:
        wait_until(lambda: leases)
        wait_until(lambda: InboxRow.objects.filter(leased_until__lt="2001-01-01T00:00:00Z"))
        return drain_inbox()

    with handled(checkpoints.FINISHING, be_late):
        at_once(drain_inbox, second)
    assert len(leases) == 2
    assert [record.message for record in caplog.records if "lease ran out" in record.message]
    assert_exactly_once(events_among(range(100)), messages=100)
    catch_up()
    assert_sound()


def test_definitions_that_change_under_drains_and_refreshes_come_to_what_they_say() -> None:
    segment = make_live_segment("town", LYON)
    make_live_segment("buyers", BUYERS)
    numbers, definitions = count(0, 20), count()

    def send() -> None:
        first = next(numbers)
        send_messages(*messages(first, first + 20))

    def change() -> None:
        definition = (ROME, LYON)[next(definitions) % 2]
        update_segment(segment, actor=TESTER, changes={"definition": definition})
        resume_rebuilds()

    times = at_once(
        *(repeat_for(2, work) for work in (send, refresh_changed, refresh_changed, change))
    )
    assert min(times) > 1  # type: ignore[type-var]
    assert Merge.objects.exists()
    catch_up()
    segment.refresh_from_db()
    assert segment.live_version == segment.version
    assert Membership.objects.filter(segment=segment).exists()
    assert_sound()


def test_a_rebuild_that_computed_before_people_changed_does_not_undo_what_they_became() -> None:
    segment = make_live_segment("town", LYON)
    send_messages(*messages(0, 300))
    catch_up()
    update_segment(segment, actor=TESTER, changes={"definition": ROME})

    def move() -> None:
        """Move people out of the new segment and into it, while refreshes use the old one."""
        send_messages(
            *({"userId": f"u{number}", "traits": {"city": "Oslo"}} for number in range(10))
        )
        send_messages(
            *({"userId": f"u{number}", "traits": {"city": "Rome"}} for number in range(10, 20))
        )
        assert refresh_changed() >= 20

    with patch.object(rebuilds, "stage", pausing(rebuilds.stage, move, first=False)):
        rebuild(["town"])
    refresh_changed()
    members = set(Membership.objects.values_list("profile_id", flat=True))
    assert not members & profiles_of(range(10))
    assert members >= profiles_of(range(10, 20))
    assert_sound()


def profiles_of(numbers: range) -> set[int]:
    users = [f"u{number}" for number in numbers]
    identifiers = Identifier.objects.filter(namespace="user_id", value__in=users)
    return set(identifiers.values_list("profile_id", flat=True))


def test_a_definition_that_changes_while_a_rebuild_computes_is_what_the_rebuild_applies() -> None:
    segment = make_live_segment("town", LYON)
    send_messages(
        {"userId": "u1", "traits": {"city": "Lyon"}}, {"userId": "u2", "traits": {"city": "Rome"}}
    )
    catch_up()

    def change() -> None:
        update_segment(segment, actor=TESTER, changes={"definition": ROME})

    with patch.object(rebuilds, "stage", pausing(rebuilds.stage, change, first=False)):
        rebuild(["town"])
    segment.refresh_from_db()
    assert (segment.version, segment.live_version, segment.live_definition) == (2, 2, ROME)
    assert set(Membership.objects.values_list("profile_id", flat=True)) == profiles_of(range(2, 3))
    assert_sound()


def test_a_rebuild_beside_a_busy_drain_equals_a_full_evaluation() -> None:
    make_live_segment("town", LYON)
    make_live_segment("buyers", BUYERS)
    numbers = count(0, 20)

    def send() -> None:
        first = next(numbers)
        send_messages(*messages(first, first + 20))

    works = (send, refresh_changed, lambda: rebuild(["town", "buyers"]))
    assert min(at_once(*(repeat_for(2, work) for work in works))) > 1  # type: ignore[type-var]
    catch_up()
    assert_sound()


def test_a_profile_that_is_absorbed_while_it_is_evaluated_leaves_its_survivor_right() -> None:
    make_live_segment("buyers", BUYERS)
    order = {"type": "track", "event": "Order Completed", "properties": {"revenue": 1}}
    send_messages(*[order | {"userId": "u1"}] * 2, *[order | {"anonymousId": "a1"}] * 3)
    refresh_changed()
    assert Membership.objects.count() == 1
    send_messages(order | {"userId": "u1", "properties": {"revenue": 2}})
    accept_only({"type": "identify", "userId": "u1", "anonymousId": "a1"})

    def merge() -> None:
        """Wait until the merge waits for the evaluation, or is done before it."""
        merged = Merge.objects.exists
        wait_until(lambda: merged() or is_anybody_waiting())

    def evaluate() -> None:
        with patch.object(
            refreshes,
            "read_live_definitions",
            pausing(refreshes.read_live_definitions, merge, first=True),
        ):
            refresh_changed()

    def drain_then() -> None:
        wait_until(lambda: not _are_slots_free())
        drain_inbox()

    at_once(evaluate, drain_then)
    assert Merge.objects.count() == 1
    catch_up()
    assert list(Membership.objects.values_list("profile_id", flat=True)) == [
        Identifier.objects.get(namespace="user_id").profile_id
    ]
    assert_sound()


def test_an_evaluation_that_began_before_an_erasure_leaves_nothing_behind() -> None:
    make_live_segment("lyon", LYON)
    send_messages(message_of_ada(0))

    def wait() -> None:
        """With a membership that is not committed: wait until the erasure waits, or is done."""
        wait_until(lambda: is_anybody_waiting() or not Profile.objects.exists())

    def evaluate() -> None:
        paused = pausing(refreshes._add_to_sizes, wait, first=True)
        with patch.object(refreshes, "_add_to_sizes", paused):
            refresh_changed()

    def erase() -> None:
        wait_until(lambda: not _are_slots_free())
        ask_for_erasure()
        assert act_on_requests() == 1

    at_once(evaluate, erase)
    refresh_changed()
    assert PrivacyRequest.objects.get().attempts == 0
    assert tables_with(*VALUES) == {}
    assert not Membership.objects.exists()
    assert not MembershipChange.objects.exists()
    assert Segment.objects.get().size == 0


def _are_slots_free() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return bool(cursor.fetchone()[0])


def test_wakeups_that_come_while_a_worker_evaluates_are_not_lost() -> None:
    segment = make_live_segment("lyon", LYON)
    send_messages({"userId": "u1", "traits": {"city": "Rome"}})

    def change() -> None:
        at_once(lambda: send_messages({"userId": "u1", "traits": {"city": "Lyon"}}))

    after = pausing(refreshes._add_to_sizes, change, first=False)
    with patch.object(refreshes, "_add_to_sizes", after):
        refreshes._evaluate_batch(refreshes.CHANGED, None, refreshes.BATCH)
    assert not Membership.objects.exists()
    refresh_changed()
    assert Membership.objects.get().segment == segment
    assert_sound()


def test_slots_that_another_worker_holds_are_left_to_it() -> None:
    make_live_segment("lyon", LYON)
    send_messages({"userId": "u1", "traits": {"city": "Lyon"}})
    with transaction.atomic():
        lock_all_slots()
        assert at_once(refresh_changed) == [0]
    assert ProfileChange.objects.exists()
    assert refresh_changed() == 1
    assert Membership.objects.exists()
