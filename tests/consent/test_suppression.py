"""The suppression list: what is on it, under which key, and what a lost key means."""

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from consent.models import Suppression, SuppressionKeyCheck
from consent.services import (
    SuppressionKeyMissing,
    check_suppression_key,
    find_suppressed,
    is_suppressed,
    suppress,
    wrap_suppressions,
)
from consent.suppression.keys import suppression_digests, suppression_keys
from tests.factories import TESTER
from tests.tries import tries

pytestmark = pytest.mark.django_db
ADA, BOB = "email:ada@example.org", "email:bob@example.org"


def test_what_was_suppressed_is_recognised_and_nothing_else() -> None:
    suppress([ADA, "user_id:1"], request_id=None)
    assert find_suppressed([ADA, BOB, "user_id:1", "user_id:2"]) == {ADA, "user_id:1"}
    assert is_suppressed("email: ADA@example.org ")


def test_a_thousand_references_take_two_queries_and_one_where_none_is_suppressed() -> None:
    strangers = [f"user_id:{number}" for number in range(1000)]
    assert find_suppressed([ADA]) == set()
    with CaptureQueriesContext(connection) as captured:
        assert find_suppressed(strangers) == set()
    assert len(captured) == 1
    suppress([ADA], request_id=None)
    assert find_suppressed([ADA]) == {ADA}
    for references, queries in ((strangers, 1), ([ADA, *strangers], 2)):
        with CaptureQueriesContext(connection) as captured:
            assert find_suppressed(references) == {ADA}.intersection(references)
        assert len(captured) == queries


def test_what_is_added_later_is_known_at_once_and_what_is_rolled_back_is_not() -> None:
    suppress([ADA], request_id=None)
    assert find_suppressed([ADA, BOB]) == {ADA}
    point = transaction.savepoint()
    suppress([BOB], request_id=None)
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}
    transaction.savepoint_rollback(point)
    assert find_suppressed([ADA, BOB]) == {ADA}
    suppress([BOB], request_id=None)
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}


@settings(max_examples=tries(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.integers(1, 400), max_size=30), max_size=8))
def test_the_memory_knows_what_the_rows_know(batches: list[list[int]]) -> None:
    Suppression.objects.all().delete()
    suppressed: set[str] = set()
    everybody = [f"user_id:{number}" for number in range(1, 401)]
    for batch in batches:
        suppress([f"user_id:{number}" for number in batch], request_id=None)
        suppressed |= {f"user_id:{number}" for number in batch}
        assert find_suppressed(everybody) == suppressed


def test_suppressing_twice_keeps_one_row_and_no_value() -> None:
    suppress([ADA], request_id=None)
    suppress([ADA], request_id=None)
    row = Suppression.objects.get()
    assert len(row.digest) == 32
    assert b"ada@" not in bytes(row.digest)


def test_a_key_that_is_not_the_one_of_the_rows_lets_nobody_through(settings: Settings) -> None:
    suppress([ADA], request_id=None)
    settings.SUPPRESSION_KEY = "another key"
    with pytest.raises(SuppressionKeyMissing):
        find_suppressed([BOB])
    assert len(check_suppression_key()) == 1
    error_ids = {error.id for error in run_checks(databases=["default"])}
    assert "consent.E001" in error_ids


def test_a_retired_key_still_recognises_its_rows(settings: Settings) -> None:
    suppress([ADA], request_id=None)
    rotate(settings, "another key")
    suppress([BOB], request_id=None)
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}
    assert check_suppression_key() == []


def rotate(settings: Settings, key: str) -> None:
    settings.RETIRED_SUPPRESSION_KEYS = [
        *settings.RETIRED_SUPPRESSION_KEYS,
        settings.SUPPRESSION_KEY,
    ]
    settings.SUPPRESSION_KEY = key


def test_rows_are_wrapped_with_the_keys_that_came_since(settings: Settings) -> None:
    first = settings.SUPPRESSION_KEY
    suppress([ADA], request_id=None)
    for key in ("second key", "third key"):
        rotate(settings, key)
        assert find_suppressed([ADA, BOB]) == {ADA}
    suppress([BOB], request_id=None)
    # An unfinished rotation costs nobody, and neither does the end of it.
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}
    assert (wrap_suppressions(actor=TESTER), wrap_suppressions(actor=TESTER)) == (1, 0)
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}
    assert SuppressionKeyCheck.objects.count() == 1
    # One key, or the last one, recognises nobody by itself.
    digests = {bytes(row.digest) for row in Suppression.objects.all()}
    for leaked in ([first], [settings.SUPPRESSION_KEY], [first, "second key"]):
        settings.RETIRED_SUPPRESSION_KEYS, settings.SUPPRESSION_KEY = leaked[:-1], leaked[-1]
        assert digests.isdisjoint(suppression_digests(suppression_keys(), ADA, 2))
        with pytest.raises(SuppressionKeyMissing):
            find_suppressed([ADA])
        with pytest.raises(SuppressionKeyMissing):
            wrap_suppressions(actor=TESTER)


def test_without_rows_any_key_will_do() -> None:
    assert find_suppressed([ADA]) == set()
    assert find_suppressed([]) == set()
    assert check_suppression_key() == []


@pytest.mark.parametrize(
    ("stored", "offered"),
    [
        ("user_id:e\u0301va", "user_id:\u00e9va"),
        ("phone:+5215512345678", "phone:+525512345678"),
        (ADA, ADA),
    ],
)
def test_who_was_suppressed_under_version_1_stays_so_under_the_spelling_of_now(
    stored: str, offered: str
) -> None:
    key = suppression_keys()[0]
    suppress([BOB], request_id=None)
    Suppression.objects.create(
        digest=next(suppression_digests([key], stored, 1)), key_id=key.id, normaliser_version=1
    )
    assert find_suppressed([offered, "user_id:other"]) == {offered}
