"""Consent, requests and erasure at the same time, on real connections.

The people lock decides, and nothing is done twice.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction

from consent.models import ConsentEvent, PrivacyRequest
from consent.services import (
    ConsentStatement,
    NewRequest,
    Suppressed,
    act_on_request,
    find_suppressed,
    open_request,
    record_statement,
)
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Profile
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.usefixtures("committing_db")
ADA = "email:ada@example.org"


def open_erasure() -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=(ADA,), reason="asked")
    return open_request(new_request, door="service", actor=TESTER)


def give_consent() -> ConsentEvent:
    statement = ConsentStatement(reference=ADA, purpose="newsletter", state="given", method="api")
    return record_statement(statement, actor=TESTER)


@contextmanager
def in_background(work: Callable[[], object]) -> Iterator[list[object]]:
    """Run work in a thread with its own connection; it is waited for at the end of the block.

    Gives a list that then holds its result or its exception.
    """
    results: list[object] = []
    started = Event()

    def run() -> None:
        started.set()
        try:
            results.append(work())
        except Exception as error:
            results.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    started.wait(10)
    yield results
    thread.join(20)
    assert not thread.is_alive()


def is_lock_awaited() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory')"
        )
        return bool(cursor.fetchone()[0])


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        Event().wait(0.02)
    raise AssertionError("It did not come to that.")


def test_a_consent_that_waited_for_an_erasure_does_not_bring_the_person_back() -> None:
    make_purpose()
    make_profile(ADA)
    lock = transaction.atomic()
    lock.__enter__()
    people_lock()
    with in_background(give_consent) as results:
        wait_until(is_lock_awaited)
        act_on_request(open_erasure().pk, actor=TESTER)
        assert results == []
        lock.__exit__(None, None, None)
    assert isinstance(results[0], Suppressed)
    assert not Identifier.objects.filter(namespace="email").exists()


def test_two_workers_act_on_a_request_once() -> None:
    make_profile(ADA)
    request = open_erasure()
    with in_background(lambda: act_on_request(request.pk, actor=TESTER)) as results:
        own_result = act_on_request(request.pk, actor=TESTER)
    assert sorted([own_result, results[0]], key=str) == [False, True]
    assert request.log.filter(status="done").count() == 1


def test_the_suppression_is_seen_by_other_connections_before_the_call_returns() -> None:
    make_profile(ADA)
    open_erasure()
    with in_background(lambda: find_suppressed([ADA])) as results:
        pass
    assert results == [{ADA}]


def _erase_and_die(request_id: Any) -> None:
    """Erase in a process of its own that is killed before the commit."""
    connections.close_all()
    with transaction.atomic():
        act_on_request(request_id, actor=TESTER)
        os.kill(os.getpid(), signal.SIGKILL)


def test_an_erasure_killed_at_its_last_line_is_done_by_the_next_worker() -> None:
    make_profile(ADA)
    request = open_erasure()
    connections.close_all()
    worker = get_context("fork").Process(target=_erase_and_die, args=(request.pk,))
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    assert Profile.objects.count() == 1
    assert act_on_request(request.pk, actor=TESTER)
    assert not Profile.objects.exists()
    request.refresh_from_db()
    assert request.status == "done"
