"""Messages that a request has taken: repeats, lost leases, and workers that die in between."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Signal
from typing import Any

import pytest

from consent.services import act_on_requests
from ingestion.drain import checkpoints
from ingestion.models import DroppedCount, InboxRow, RejectedMessage
from ingestion.services import drain_inbox, replay_message
from profiles.lib.checkpoints import handled
from profiles.models import Event, SeenMessage
from profiles.services import AttributedEvent
from tests.factories import TESTER, accept_only, drafted_properties, send_messages
from tests.system.concurrency import Work, at_once, die_at, is_anybody_waiting, once_at
from tests.system.people import ask_for_erasure, message_of_ada, order, stored_numbers
from tests.system.product import is_drained, wait_until
from tests.system.soundness import assert_exactly_once, assert_sound, catch_up, expire_leases
from tests.system.traffic import events_among, messages

pytestmark = pytest.mark.usefixtures("committing_db")
# How many attempts were made before. From the third attempt on, messages are tried one by one.
TOGETHER, ONE_BY_ONE, LAST = 0, 2, 4


def assert_all_right(count: int) -> None:
    """Assert that the first `count` messages of the crowd have had their effect exactly once."""
    assert_exactly_once(events_among(range(count)), messages=count)
    assert is_drained()
    catch_up()
    assert_sound()


def drain_pausing(checkpoint: str, pause: Work) -> None:
    """Drain, and do something else, which is committed, at the first reach of the checkpoint."""
    with once_at(checkpoint, lambda _: at_once(pause)):
        drain_inbox()


@pytest.mark.parametrize("checkpoint", [checkpoints.TAKEN, checkpoints.BEFORE_PEOPLE_LOCK])
def test_a_repeat_in_flight_does_not_wait_for_the_first_of_it(checkpoint: str) -> None:
    send_messages(*messages(0, 20))
    accept_only(*messages(10, 40))

    def repeat() -> None:
        accept_only(*messages(20, 50))
        assert (drain_inbox(), InboxRow.objects.count()) == (1, 1)

    drain_pausing(checkpoint, repeat)
    assert_all_right(50)


def test_a_repeat_of_messages_whose_taker_died_leaves_them_to_the_next_attempt() -> None:
    accept_only(*messages(0, 20))
    die_at(checkpoints.TAKEN, drain_inbox)
    accept_only(*messages(0, 30))
    assert drain_inbox() == 1
    assert Event.objects.count() == len(events_among(range(20, 30)))
    expire_leases()
    assert drain_inbox() == 1
    assert_all_right(30)


def test_requests_of_the_same_messages_that_died_together_are_done_by_whoever_comes_first() -> None:
    accept_only(*messages(0, 20))
    accept_only(*messages(10, 30))
    die_at(checkpoints.TAKEN, drain_inbox)
    assert SeenMessage.objects.count() == 30
    expire_leases()
    assert at_once(drain_inbox, drain_inbox) != [0, 0]
    drain_inbox()
    assert_all_right(30)


def take_over() -> None:
    """Let the lease expire, and drain the rows as another worker."""
    expire_leases()
    assert drain_inbox() == 1


@pytest.mark.parametrize("known_messages", [0, 100])
def test_a_worker_whose_row_was_done_by_another_after_it_took_the_messages_leaves_nothing(
    known_messages: int,
) -> None:
    """Without known profiles, no event is stored ahead."""
    if known_messages:
        send_messages(*messages(0, known_messages))
    accept_only(*messages(known_messages, known_messages + 50))
    drain_pausing(checkpoints.TAKEN, take_over)
    assert_all_right(known_messages + 50)


def test_a_worker_that_took_a_row_over_waits_for_what_the_first_one_stored_ahead() -> None:
    send_messages(*messages(0, 100))
    accept_only(*messages(100, 150))
    was_lost = Signal()

    def lose() -> None:
        expire_leases()
        was_lost.set()
        wait_until(is_anybody_waiting)

    def first() -> None:
        drain_pausing(checkpoints.BEFORE_PEOPLE_LOCK, lose)

    def second() -> None:
        was_lost.wait(20)
        assert drain_inbox() == 1

    at_once(first, second)
    assert_all_right(150)


@pytest.mark.parametrize("checkpoint", [checkpoints.ALONE, checkpoints.ALONE_APPLIED])
def test_a_careful_worker_whose_row_was_done_by_another_leaves_nothing(checkpoint: str) -> None:
    """The row is done before the first message takes effect, or after it."""
    send_messages(*messages(0, 20))
    accept_only(*messages(10, 50))
    InboxRow.objects.update(attempts=ONE_BY_ONE)
    drain_pausing(checkpoint, take_over)
    assert_all_right(50)


def test_a_careful_worker_does_nothing_more_once_another_has_taken_its_row_over() -> None:
    """The other worker has taken the remaining messages and not applied them.

    The dropped ones are counted once.
    """
    send_messages(message_of_ada(0))
    ask_for_erasure()
    accept_only(order(1, userId="u1"), message_of_ada(1), message_of_ada(2))
    was_lost, was_taken, has_ended = Signal(), Signal(), Signal()
    errors = [ValueError("fails together")]

    def fail_once(events: Sequence[AttributedEvent]) -> None:
        if events and errors:
            raise errors.pop()

    def wait_once(_: object) -> None:
        if was_lost.is_set() and not was_taken.is_set():
            was_taken.set()
            has_ended.wait(20)

    def lose() -> None:
        expire_leases()
        was_lost.set()
        was_taken.wait(20)

    def first() -> None:
        drain_pausing(checkpoints.ALONE_APPLIED, lose)
        has_ended.set()

    def second() -> None:
        was_lost.wait(20)
        drain_inbox()

    with (
        handled(checkpoints.COPYING_EVENTS, fail_once),
        handled(checkpoints.TAKEN, wait_once),
    ):
        at_once(first, second)
    assert was_taken.is_set()
    assert act_on_requests() == 1
    assert sum(DroppedCount.objects.values_list("count", flat=True)) == 2
    assert_exactly_once({1}, messages=4)
    assert is_drained()


class Killed(BaseException):
    """Ends a worker in this process, as a kill would."""


def die(_: object) -> None:
    raise Killed


def is_poison(events: Sequence[AttributedEvent]) -> bool:
    return any('"poison":1' in drafted_properties(event) for event in events)


def poison(number: int) -> dict[str, Any]:
    """Return an order that fails, or ends the worker, in tests that look for it."""
    return order(number, userId="u1", properties={"n": number, "poison": 1})


def refuse() -> None:
    raise ValueError("cannot be stored")


@contextmanager
def before_poison(work: Work) -> Iterator[None]:
    """Do the work each time before poison is stored."""

    def handle(events: Sequence[AttributedEvent]) -> None:
        if is_poison(events):
            work()

    with handled(checkpoints.COPYING_EVENTS, handle):
        yield


def drain_refusing_poison() -> int:
    with before_poison(refuse):
        return drain_inbox()


def test_what_took_effect_before_kills_is_not_done_again_and_poison_once_it_is_mended() -> None:
    send_messages(order(0, userId="u1"))
    batch = [order(1, userId="u1"), order(2, userId="u2"), poison(3), order(4, userId="u1")]
    batch += [poison(5), order(6, userId="u6")]
    accept_only(*batch)
    # The stored numbers after each of five attempts. From the third on, messages go one by one.
    for expected in ({0}, {0}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2, 4}):
        die_at(checkpoints.COPYING_EVENTS, drain_inbox, when=is_poison)
        assert stored_numbers() == expected
        expire_leases()
    drain_inbox()
    assert stored_numbers() == {0, 1, 2, 4, 6}
    rejected = list(RejectedMessage.objects.all())
    assert [(row.code, row.place) for row in rejected] == [("poison", 4), ("poison", 2)]
    for row in rejected:
        assert replay_message(row, actor=TESTER)
        row.delete()
    drain_inbox()
    accept_only(*batch)
    drain_inbox()
    assert_exactly_once(set(range(7)), messages=7)
    catch_up()
    assert_sound()


def test_workers_killed_after_each_message_get_on_by_one_message_each(settings: Any) -> None:
    settings.INBOX_MAX_ATTEMPTS = 100
    accept_only(*messages(1, 6))
    InboxRow.objects.update(attempts=ONE_BY_ONE)
    for last in range(1, 5):
        die_at(checkpoints.ALONE_APPLIED, drain_inbox)
        assert stored_numbers() == events_among(range(1, last + 1))
        expire_leases()
    drain_inbox()
    assert_exactly_once(events_among(range(1, 6)), messages=5)
    assert is_drained()


@pytest.mark.parametrize("attempts", [TOGETHER, ONE_BY_ONE])
@pytest.mark.parametrize("is_sent_again", [False, True])
def test_a_message_that_failed_takes_effect_once_after_mending(
    attempts: int, is_sent_again: bool
) -> None:
    """Its replay takes effect, or the sender's repeat, of which the replay is a repeat then."""
    send_messages(order(0, userId="u1"))
    batch = [order(1, userId="u1"), poison(2), poison(2), order(3, userId="u3")]
    accept_only(*batch)
    InboxRow.objects.update(attempts=attempts)
    drain_refusing_poison()
    assert stored_numbers() == {0, 1, 3}
    rejected = list(RejectedMessage.objects.all())
    assert [(row.code, row.place) for row in rejected] == [("failed", 2), ("failed", 1)]
    if is_sent_again:
        accept_only(*batch)
        drain_inbox()
    for row in rejected:
        assert replay_message(row, actor=TESTER)
        assert not replay_message(row, actor=TESTER)
        drain_inbox()
        row.delete()
    assert_exactly_once({0, 1, 2, 3}, messages=4)
    catch_up()
    assert_sound()


def test_a_careful_repeat_does_not_pass_for_the_effect_of_messages_that_another_took() -> None:
    """The second request is taken when the first was looked at, and its worker dies.

    It is then tried again.
    """
    accept_only(order(1, userId="u1"))
    InboxRow.objects.update(attempts=ONE_BY_ONE)

    def die_with_the_same() -> None:
        accept_only(order(1, userId="u1"))
        with handled(checkpoints.TAKEN, die), pytest.raises(Killed):
            drain_inbox()

    drain_pausing(checkpoints.ALONE, die_with_the_same)
    assert InboxRow.objects.count() == 1
    expire_leases()
    drain_inbox()
    assert_exactly_once({1}, messages=1)


@pytest.mark.parametrize("checkpoint", [checkpoints.REJECTING_ALONE, checkpoints.REJECTING_HELD])
def test_a_message_rejected_as_poison_stays_a_repeat_of_one_that_took_effect(
    checkpoint: str,
) -> None:
    """Another request with the message is drained just before this one is rejected."""
    accept_only(order(1, userId="u1"))
    InboxRow.objects.update(attempts=LAST)

    def drain_another() -> None:
        accept_only(order(1, userId="u1"))
        assert drain_inbox() == 1

    drain_pausing(checkpoint, drain_another)
    for rejected in RejectedMessage.objects.all():
        replay_message(rejected, actor=TESTER)
        drain_inbox()
        rejected.delete()
    assert_exactly_once({1}, messages=1)


def test_a_worker_that_comes_to_take_messages_too_late_does_not_keep_their_replay_away() -> None:
    """Another worker had its row meanwhile, and rejected the message."""
    accept_only(poison(1))

    def reject() -> None:
        expire_leases()
        assert drain_refusing_poison() == 1

    drain_pausing(checkpoints.READ, reject)
    rejected = RejectedMessage.objects.get()
    assert replay_message(rejected, actor=TESTER)
    drain_inbox()
    rejected.delete()
    assert_exactly_once({1}, messages=1)


def test_nobody_takes_a_row_over_while_its_messages_are_being_taken() -> None:
    accept_only(poison(1))

    def take_over_in_vain() -> None:
        assert drain_refusing_poison() == 0

    with once_at(checkpoints.READ, lambda _: at_once(expire_leases)):
        drain_pausing(checkpoints.HELD, take_over_in_vain)
    assert_exactly_once({1}, messages=1)


def test_a_worker_about_to_reject_what_another_could_store_by_now_leaves_it_as_it_is() -> None:
    accept_only(poison(1))
    refusals = [refuse]

    def refuse_at_first() -> None:
        if refusals:
            refuse()

    def mend() -> None:
        refusals.clear()
        take_over()

    with before_poison(refuse_at_first):
        drain_pausing(checkpoints.REJECTING_ALONE, mend)
    accept_only(poison(1))
    drain_inbox()
    assert_exactly_once({1}, messages=1)
