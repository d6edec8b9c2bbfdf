"""The chain over the ledger: what was changed, removed, inserted, swapped or cut off is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import ConsentBody, ConsentEvent, LedgerSeal
from consent.services import (
    Head,
    NewRequest,
    act_on_requests,
    head_of_ledger,
    open_request,
    record,
    record_many,
    seal_ledger,
    verify_chain,
)
from profiles.models import Profile
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_client, make_profile, make_purpose
from tests.tries import tries

pytestmark = pytest.mark.django_db
STATES = ("given", "withdrawn", "refused", "renewed")


def fill(count: int = 5) -> Profile:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    record_many([consent_input(profile, STATES[place % 4]) for place in range(count)])
    return profile


@contextmanager
def as_owner() -> Iterator[Any]:
    """Give a cursor whose statements no trigger and no foreign key refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("RESET ROLE")


def test_each_event_is_sealed_once_in_the_order_of_arrival() -> None:
    profile = fill()
    assert (seal_ledger(), seal_ledger()) == (5, 0)
    record(consent_input(profile, "withdrawn"))
    assert seal_ledger() == 1
    numbers = LedgerSeal.objects.order_by("number").values_list("number", "event__seq")
    assert [number for number, _ in numbers] == [1, 2, 3, 4, 5, 6]
    assert [seq for _, seq in numbers] == sorted(seq for _, seq in numbers)
    assert verify_chain([head_of_ledger()[0]]) == []


def test_events_that_are_not_sealed_yet_are_no_fault() -> None:
    profile = fill()
    seal_ledger()
    record(consent_input(profile))
    assert verify_chain() == []


TAMPERING = {
    "changed": "UPDATE consent_consentevent SET state = 'given' WHERE seq = {second}",
    "changed digest": """UPDATE consent_consentevent SET digest = repeat('0', 64)
        WHERE seq = {second}""",
    "removed": "DELETE FROM consent_consentevent WHERE seq = {second}",
    "swapped": """UPDATE consent_ledgerseal SET number = -2 WHERE number = 2;
        UPDATE consent_ledgerseal SET number = 2 WHERE number = 3;
        UPDATE consent_ledgerseal SET number = 3 WHERE number = -2""",
    "link removed": "DELETE FROM consent_ledgerseal WHERE number = 3",
    "renumbered": "UPDATE consent_ledgerseal SET number = number + 1 WHERE number = 5",
    "inserted": """INSERT INTO consent_consentevent (id, identifier_id, kind, state, occurred_at,
        received_at, actor, method, trust, recorded_by, digest, seq)
        SELECT gen_random_uuid(), identifier_id, kind, 'given', occurred_at, received_at, actor,
        method, trust, recorded_by, digest, {first} - 1 FROM consent_consentevent LIMIT 1""",
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found(kind: str) -> None:
    fill()
    seal_ledger()
    first, second = ConsentEvent.objects.order_by("seq").values_list("seq", flat=True)[:2]
    with as_owner() as cursor:
        cursor.execute(TAMPERING[kind].format(first=first, second=second))
    assert verify_chain()
    with pytest.raises(SystemExit):
        call_command("verify_ledger", verbosity=0)


@settings(
    max_examples=tries(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    count=st.integers(2, 6),
    column=st.sampled_from(
        ["state", "actor", "method", "recorded_by", "kind", "received_at", "trust"]
    ),
    at=st.integers(0, 5),
)
def test_a_change_of_any_column_of_any_event_is_found(count: int, column: str, at: int) -> None:
    with transaction.atomic():
        fill(count)
        seal_ledger()
        number = at % count + 1
        value = {"received_at": "received_at + interval '1 microsecond'", "trust": "trust + 1"}
        new = value.get(column, f"left({column} || 'x', 16)")
        with as_owner() as cursor:
            cursor.execute(
                f"UPDATE consent_consentevent SET {column} = {new}"
                " WHERE id = (SELECT event_id FROM consent_ledgerseal WHERE number = %s)",
                [number],
            )
        assert [fault.number for fault in verify_chain()] == [number]
        transaction.set_rollback(True)


def test_a_tail_that_was_cut_off_is_found_by_a_head_that_was_kept() -> None:
    fill()
    seal_ledger()
    head, _ = head_of_ledger()
    with as_owner() as cursor:
        cursor.execute("DELETE FROM consent_ledgerseal WHERE number > 3")
        cursor.execute(
            "DELETE FROM consent_consentevent e WHERE NOT EXISTS"
            " (SELECT FROM consent_ledgerseal s WHERE s.event_id = e.id)"
        )
    assert verify_chain() == []
    assert [fault.number for fault in verify_chain([head])] == [5]
    with pytest.raises(SystemExit):
        call_command("verify_ledger", "--head", str(head), verbosity=0)


def test_a_chain_that_was_written_anew_is_found_by_a_head_that_was_kept() -> None:
    fill()
    seal_ledger()
    head, _ = head_of_ledger()
    with as_owner() as cursor:
        cursor.execute("UPDATE consent_consentevent SET state = 'given'")
        cursor.execute("DELETE FROM consent_ledgerseal")
    seal_ledger()
    assert verify_chain() == []
    assert verify_chain([head])


def test_an_erasure_leaves_the_chain_as_it_is() -> None:
    fill()
    seal_ledger()
    head, _ = head_of_ledger()
    request = NewRequest(kind="erasure", references=("email:ada@example.org",), reason="asked")
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    assert not ConsentBody.objects.exists()
    assert verify_chain([head]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_ledgerseal SET hash = ''",
        "DELETE FROM consent_ledgerseal",
        "TRUNCATE consent_ledgerseal",
    ],
)
def test_the_database_itself_refuses_to_change_a_link(statement: str) -> None:
    fill()
    seal_ledger()
    # Triggers refuse it to the owner, too.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)


def test_the_head_is_printed_served_and_taken_again(capsys: pytest.CaptureFixture[str]) -> None:
    fill()
    call_command("ledger_head")
    head = Head.read(capsys.readouterr().out)
    call_command("verify_ledger", "--head", str(head))
    assert "0 faults of the chain" in capsys.readouterr().out
    served = make_client().get("/api/v1/consents/head/").json()
    assert Head(served["number"], served["hash"]) == head


@pytest.mark.parametrize("text", ["", "5", "5:abc", f"x:{'0' * 64}", f"5:{'z' * 64}"])
def test_a_head_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match=r"NUMBER:HASH|hex|int"):
        call_command("verify_ledger", "--head", text)
