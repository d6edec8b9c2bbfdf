"""Killing workers, web, database sessions and the queue while messages come.

Afterwards every acknowledged message has had its effect exactly once.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread

import pytest

from ingestion.drain import checkpoints, loop
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.models import ProfileChange
from segments.lib import checkpoints as places
from segments.models import Membership, Rebuild
from segments.services import rebuild, refresh_changed, update_segment
from tests.factories import TESTER, accept_only, make_write_key, send_messages
from tests.owner import owner_cursor
from tests.system.concurrency import at_once, die_at, once_at
from tests.system.conftest import Launch
from tests.system.product import Product, is_drained, wait_until
from tests.system.soundness import assert_exactly_once, assert_sound, catch_up, expire_leases
from tests.system.traffic import (
    BUYERS,
    LYON,
    ROME,
    events_among,
    make_live_segment,
    message,
    messages,
)

BATCH = 10
# How many times longer than usual things are killed. CHAOS_ROUNDS=25 takes about ten minutes.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
# Ends all other sessions of the database, and returns how many of them were not idle.
END_SESSIONS = """
WITH ended AS MATERIALIZED (
    SELECT state, pg_terminate_backend(pid) AS is_ended FROM pg_stat_activity
    WHERE
        datname = current_database()
        AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'
)
SELECT count(*) FROM ended WHERE is_ended AND state <> 'idle'
"""


@contextmanager
def client_sending(product: Product, key: str) -> Iterator[list[int]]:
    """Keep sending messages, every third batch twice, and give the acknowledged numbers."""
    stopping = Event()
    acknowledged: list[int] = []
    errors: list[Exception] = []

    def send() -> None:
        try:
            for start in count(0, BATCH):
                numbers = range(start, start + BATCH)
                for _ in range(1 if start % 3 else 2):
                    product.send_until_accepted(key, *map(message, numbers))
                acknowledged.extend(numbers)
                if stopping.wait(0.02):
                    return
        except Exception as error:
            errors.append(error)

    thread = Thread(target=send)
    thread.start()
    try:
        yield acknowledged
    finally:
        stopping.set()
        thread.join(90)
        assert not thread.is_alive()
    assert errors == []


def leases() -> set[object]:
    leased = InboxRow.objects.filter(lease__isnull=False)
    return set(leased.values_list("lease", flat=True))


def wait_for_lease(rng: random.Random) -> set[object]:
    """Wait until a worker has leased rows, and a moment more. Returns the leases from before."""
    earlier = leases()
    wait_until(lambda: leases() - earlier)
    time.sleep(rng.uniform(0, 0.02))
    return earlier


# Each kind of harm returns how often it hit something that was at work.


def kill_worker(product: Product, rng: random.Random) -> int:
    """Kill the worker while it drains; return 1 if it left leased rows behind."""
    earlier = wait_for_lease(rng)
    product.kill("worker")
    abandoned = leases() - earlier
    product.start("worker")
    return int(bool(abandoned))


def kill_web(product: Product, rng: random.Random) -> int:
    """Kill the web server at any moment, at most of which it accepts a batch."""
    time.sleep(rng.uniform(0.2, 0.4))
    product.kill("web")
    product.start("web")
    return 1


def end_sessions(product: Product, rng: random.Random) -> int:
    """End all other database sessions during a drain; return how many were in a transaction."""
    wait_for_lease(rng)
    return end_other_sessions()


def end_other_sessions() -> int:
    with owner_cursor() as cursor:
        cursor.execute(END_SESSIONS)
        return int(cursor.fetchone()[0])


def flush_queue(product: Product, rng: random.Random) -> int:
    """Delete all nudges; return 1 if rows were waiting for one."""
    time.sleep(rng.uniform(0.1, 0.2))
    has_waiting_rows = InboxRow.objects.exists()
    product.flush()
    return int(has_waiting_rows)


@pytest.mark.parametrize(
    ("harm", "times"),
    [(kill_worker, 4), (kill_web, 4), (end_sessions, 12), (flush_queue, 20)],
)
def test_every_acknowledged_message_takes_effect_once(
    harm: Callable[[Product, random.Random], int], times: int, launch: Launch
) -> None:
    key = make_write_key()
    segment = make_live_segment("town", LYON)
    make_live_segment("buyers", BUYERS)
    product = launch(
        "web",
        "worker",
        "beat",
        INBOX_LEASE_SECONDS="1",
        INBOX_CHUNK_MESSAGES="50",
        INBOX_MAX_ATTEMPTS="1000",
    )
    rng, hits = random.Random(ROUNDS), 0
    with client_sending(product, key) as acknowledged:
        for turn in range(times * ROUNDS):
            hits += harm(product, rng)
            # In the middle, so that a rebuild is harmed too.
            if turn == times // 2:
                update_segment(segment, actor=TESTER, changes={"definition": ROME})
    assert hits, "no harm was done"
    wait_until(is_drained, seconds=40)
    product.stop()
    catch_up()
    assert len(acknowledged) > BATCH
    assert_exactly_once(events_among(acknowledged), messages=len(acknowledged))
    assert Membership.objects.filter(segment=segment).exists()
    assert_sound()


def test_rows_whose_nudge_was_lost_with_the_queue_are_found_by_the_sweep(launch: Launch) -> None:
    product = launch("web")
    product.send_until_accepted(make_write_key(), *messages(0, 30))
    assert product.valkey.llen("ingestion") == 1
    product.flush()
    product.start("worker", "beat")
    wait_until(is_drained)
    assert_exactly_once(events_among(range(30)), messages=30)


@pytest.mark.usefixtures("committing_db")
def test_a_drain_killed_after_any_of_its_steps_is_done_by_the_next() -> None:
    steps = checkpoints.TOGETHER
    make_live_segment("buyers", BUYERS)
    for turn, step in enumerate(steps):
        accept_only(*messages(turn * BATCH, (turn + 1) * BATCH))
        die_at(step, drain_inbox)
        assert InboxRow.objects.count() == 1, step
        expire_leases()
        drain_inbox()
        assert not InboxRow.objects.exists(), step
    sent = range(len(steps) * BATCH)
    assert_exactly_once(events_among(sent), messages=len(sent))
    catch_up()
    assert_sound()


@pytest.mark.parametrize("attempts", [0, 2])
@pytest.mark.usefixtures("committing_db")
def test_a_session_that_ends_in_mid_copy_is_no_fault_of_the_messages(attempts: int) -> None:
    """Neither when messages are tried together, nor when they are tried one by one."""
    accept_only(*messages(1, 51))
    InboxRow.objects.update(attempts=attempts)
    end_sessions = once_at(checkpoints.COPYING_EVENTS, lambda _: at_once(end_other_sessions))
    with end_sessions, pytest.raises(loop.OPERATIONAL):
        drain_inbox()
    drain_inbox()
    assert_exactly_once(events_among(range(1, 51)), messages=50)


@pytest.mark.usefixtures("committing_db")
def test_a_refresh_killed_after_any_of_its_steps_is_done_by_the_next() -> None:
    make_live_segment("town", LYON)
    make_live_segment("buyers", BUYERS)
    steps = (places.CLAIMED, places.REFRESHING, places.EVALUATED)
    for turn, step in enumerate(steps):
        send_messages(*messages(turn * 50, (turn + 1) * 50))
        waiting = ProfileChange.objects.count()
        die_at(step, refresh_changed)
        assert ProfileChange.objects.count() == waiting > 0, step
        refresh_changed()
        assert_sound()


@pytest.mark.usefixtures("committing_db")
def test_a_rebuild_killed_after_any_of_its_steps_is_taken_over() -> None:
    steps = (places.PLANNED, places.BUILDING, places.STAGED, places.APPLYING, places.APPLIED)
    segment = make_live_segment("town", LYON)
    send_messages(*messages(0, 300))
    refresh_changed()
    for turn, step in enumerate(steps):
        definition = (ROME, LYON)[turn % 2]
        before = set(Membership.objects.values_list("profile_id", flat=True))
        segment = update_segment(segment, actor=TESTER, changes={"definition": definition})
        die_at(step, lambda: rebuild(["town"]))
        assert Rebuild.objects.count() == 1, step
        assert set(Membership.objects.values_list("profile_id", flat=True)) == before
        send_messages(*messages(300 + turn * 50, 350 + turn * 50))
        refresh_changed()
        catch_up()
        segment.refresh_from_db()
        assert segment.live_version == segment.version
        assert set(Membership.objects.values_list("profile_id", flat=True)) != before
        assert_sound()
