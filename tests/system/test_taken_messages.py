"""Messages taken in the name of their request: repeats, lost leases and deaths between taking and taking effect."""

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
from tests.factories import accept_only, tell
from tests.system.concurrency import Work, at_once, die_at, is_anybody_waiting, once_at
from tests.system.people import ask_for_erasure, message_of_ada, order, stored
from tests.system.product import is_drained, wait_until
from tests.system.soundness import assert_exactly_once, assert_sound, catch_up, forget_the_dead
from tests.system.traffic import events_among, messages

pytestmark = pytest.mark.usefixtures("committing_db")
TOGETHER, CAREFULLY, LAST = 0, 2, 4  # attempts that were made before


def assert_all_right(count: int) -> None:
    """Of the crowd's messages, from the first to this one."""
    assert_exactly_once(events_among(range(count)), messages=count)
    assert is_drained()
    catch_up()
    assert_sound()


def drain_pausing(checkpoint: str, pause: Work) -> None:
    """Drain; the first time that it comes to the checkpoint, others do something and commit it."""
    with once_at(checkpoint, lambda _: at_once(pause)):
        drain_inbox()


@pytest.mark.parametrize("checkpoint", [checkpoints.TAKEN, checkpoints.BEFORE_PEOPLE_LOCK])
def test_a_repeat_in_flight_does_not_wait_for_the_first_of_it(checkpoint: str) -> None:
    tell(*messages(0, 20))
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
    forget_the_dead()
    assert drain_inbox() == 1
    assert_all_right(30)


def test_requests_of_the_same_messages_that_died_together_are_done_by_whoever_comes_first() -> None:
    accept_only(*messages(0, 20))
    accept_only(*messages(10, 30))
    die_at(checkpoints.TAKEN, drain_inbox)
    assert SeenMessage.objects.count() == 30
    forget_the_dead()
    assert at_once(drain_inbox, drain_inbox) != [0, 0]
    drain_inbox()
    assert_all_right(30)


def take_over() -> None:
    """The lease runs out, and another worker does all of it."""
    forget_the_dead()
    assert drain_inbox() == 1


@pytest.mark.parametrize("known", [0, 100])
def test_a_worker_whose_row_was_done_by_another_after_it_took_the_messages_leaves_nothing(
    known: int,
) -> None:
    """With nobody known there is nothing to store ahead."""
    if known:
        tell(*messages(0, known))
    accept_only(*messages(known, known + 50))
    drain_pausing(checkpoints.TAKEN, take_over)
    assert_all_right(known + 50)


def test_a_worker_that_took_a_row_over_waits_for_what_the_first_one_stored_ahead() -> None:
    tell(*messages(0, 100))
    accept_only(*messages(100, 150))
    was_lost = Signal()

    def lose() -> None:
        forget_the_dead()
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
    """Before the first message takes effect, and after."""
    tell(*messages(0, 20))
    accept_only(*messages(10, 50))
    InboxRow.objects.update(attempts=CAREFULLY)
    drain_pausing(checkpoint, take_over)
    assert_all_right(50)


def test_a_careful_worker_does_nothing_more_once_another_has_taken_its_row_over() -> None:
    """The other one took all messages that are left at once, and has not applied them. Those dropped are counted once."""
    tell(message_of_ada(0))
    ask_for_erasure()
    accept_only(order(1, userId="u1"), message_of_ada(1), message_of_ada(2))
    was_lost, was_taken, was_left = Signal(), Signal(), Signal()
    faults = [ValueError("fails together")]

    def fail_once(events: Sequence[AttributedEvent]) -> None:
        if events and faults:
            raise faults.pop()

    def wait_once(_: object) -> None:
        if was_lost.is_set() and not was_taken.is_set():
            was_taken.set()
            was_left.wait(20)

    def lose() -> None:
        forget_the_dead()
        was_lost.set()
        was_taken.wait(20)

    def first() -> None:
        drain_pausing(checkpoints.ALONE_APPLIED, lose)
        was_left.set()

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
    """A worker of this process was killed."""


def be_killed(_: object) -> None:
    raise Killed


def is_poison(events: Sequence[AttributedEvent]) -> bool:
    return any(b'"poison":1' in event.draft.row for event in events)


def poison(number: int) -> dict[str, Any]:
    return order(number, userId="u1", properties={"n": number, "poison": 1})


def refuse() -> None:
    raise ValueError("cannot be stored")


@contextmanager
def before_poison(work: Work) -> Iterator[None]:
    """The work comes before poison is stored."""

    def handle(events: Sequence[AttributedEvent]) -> None:
        if is_poison(events):
            work()

    with handled(checkpoints.COPYING_EVENTS, handle):
        yield


def drain_refusing_poison() -> int:
    with before_poison(refuse):
        return drain_inbox()


def test_what_took_effect_before_a_worker_was_killed_is_not_done_again_and_killers_once_mended() -> (
    None
):
    tell(order(0, userId="u1"))
    batch = [order(1, userId="u1"), order(2, userId="u2"), poison(3), order(4, userId="u1")]
    batch += [poison(5), order(6, userId="u6")]
    accept_only(*batch)
    for done in ({0}, {0}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2, 4}):
        die_at(checkpoints.COPYING_EVENTS, drain_inbox, when=is_poison)
        assert stored() == done
        forget_the_dead()
    drain_inbox()
    assert stored() == {0, 1, 2, 4, 6}
    rejected = list(RejectedMessage.objects.all())
    assert [(one.code, one.place) for one in rejected] == [("poison", 4), ("poison", 2)]
    for one in rejected:
        assert replay_message(one)
        one.delete()
    drain_inbox()
    accept_only(*batch)
    drain_inbox()
    assert_exactly_once(set(range(7)), messages=7)
    catch_up()
    assert_sound()


def test_workers_killed_after_each_message_get_on_by_one_message_each(settings: Any) -> None:
    settings.INBOX_MAX_ATTEMPTS = 100
    accept_only(*messages(1, 6))
    InboxRow.objects.update(attempts=CAREFULLY)
    for last in range(1, 5):
        die_at(checkpoints.ALONE_APPLIED, drain_inbox)
        assert stored() == events_among(range(1, last + 1))
        forget_the_dead()
    drain_inbox()
    assert_exactly_once(events_among(range(1, 6)), messages=5)
    assert is_drained()


@pytest.mark.parametrize("attempts", [TOGETHER, CAREFULLY])
@pytest.mark.parametrize("is_sent_again", [False, True])
def test_a_message_that_failed_takes_effect_once_after_mending(
    attempts: int, is_sent_again: bool
) -> None:
    """By its replay, or because the sender repeats it first: the replay is a repeat then."""
    tell(order(0, userId="u1"))
    batch = [order(1, userId="u1"), poison(2), poison(2), order(3, userId="u3")]
    accept_only(*batch)
    InboxRow.objects.update(attempts=attempts)
    drain_refusing_poison()
    assert stored() == {0, 1, 3}
    rejected = list(RejectedMessage.objects.all())
    assert [(one.code, one.place) for one in rejected] == [("failed", 2), ("failed", 1)]
    if is_sent_again:
        accept_only(*batch)
        drain_inbox()
    for one in rejected:
        assert replay_message(one)
        assert not replay_message(one)
        drain_inbox()
        one.delete()
    assert_exactly_once({0, 1, 2, 3}, messages=4)
    catch_up()
    assert_sound()


def test_a_careful_repeat_does_not_pass_for_the_effect_of_messages_that_another_took() -> None:
    """The first request is taken just when the second has looked, and its worker dies; it is tried again."""
    accept_only(order(1, userId="u1"))
    InboxRow.objects.update(attempts=CAREFULLY)

    def die() -> None:
        accept_only(order(1, userId="u1"))
        with handled(checkpoints.TAKEN, be_killed), pytest.raises(Killed):
            drain_inbox()

    drain_pausing(checkpoints.ALONE, die)
    assert InboxRow.objects.count() == 1
    forget_the_dead()
    drain_inbox()
    assert_exactly_once({1}, messages=1)


@pytest.mark.parametrize("checkpoint", [checkpoints.REJECTING_ALONE, checkpoints.REJECTING_HELD])
def test_a_message_rejected_as_poison_stays_a_repeat_of_one_that_took_effect(
    checkpoint: str,
) -> None:
    """Another request with the same message is drained just when this one is about to be rejected."""
    accept_only(order(1, userId="u1"))
    InboxRow.objects.update(attempts=LAST)

    def do_the_other() -> None:
        accept_only(order(1, userId="u1"))
        assert drain_inbox() == 1

    drain_pausing(checkpoint, do_the_other)
    for rejected in RejectedMessage.objects.all():
        replay_message(rejected)
        drain_inbox()
        rejected.delete()
    assert_exactly_once({1}, messages=1)


def test_a_worker_that_comes_to_take_messages_too_late_does_not_keep_their_replay_away() -> None:
    """Another one had its row meanwhile, and rejected the message."""
    accept_only(poison(1))

    def reject() -> None:
        forget_the_dead()
        assert drain_refusing_poison() == 1

    drain_pausing(checkpoints.READ, reject)
    rejected = RejectedMessage.objects.get()
    assert replay_message(rejected)
    drain_inbox()
    rejected.delete()
    assert_exactly_once({1}, messages=1)


def test_nobody_takes_a_row_over_while_its_messages_are_being_taken() -> None:
    accept_only(poison(1))

    def take_over_in_vain() -> None:
        assert drain_refusing_poison() == 0

    with once_at(checkpoints.READ, lambda _: at_once(forget_the_dead)):
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
