"""The suppression list: what is on it, under which key, and what a lost key means."""

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent.models import Suppression
from consent.services import (
    SuppressionKeyMissing,
    check_suppression_key,
    find_suppressed,
    is_suppressed,
    suppress,
)
from consent.suppression.keys import suppression_digest, suppression_keys

pytestmark = pytest.mark.django_db
ADA, BOB = "email:ada@example.org", "email:bob@example.org"


def test_what_was_suppressed_is_recognised_and_nothing_else() -> None:
    suppress([ADA, "user_id:1"], request_id=None)
    assert find_suppressed([ADA, BOB, "user_id:1", "user_id:2"]) == {ADA, "user_id:1"}
    assert is_suppressed("email: ADA@example.org ")


def test_a_thousand_references_take_two_queries_and_one_where_nobody_was_erased() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert find_suppressed([ADA]) == set()
    assert len(captured) == 1
    suppress([ADA], request_id=None)
    with CaptureQueriesContext(connection) as captured:
        assert find_suppressed([ADA, *(f"user_id:{number}" for number in range(1000))]) == {ADA}
    assert len(captured) == 2


def test_suppressing_twice_keeps_one_row_and_no_value() -> None:
    suppress([ADA], request_id=None)
    suppress([ADA], request_id=None)
    row = Suppression.objects.get()
    assert len(row.digest) == 32
    assert b"ada@" not in bytes(row.digest)


def test_a_key_that_is_not_the_one_of_the_rows_lets_nobody_through(settings: object) -> None:
    suppress([ADA], request_id=None)
    settings.SUPPRESSION_KEY = "another key"
    with pytest.raises(SuppressionKeyMissing):
        find_suppressed([BOB])
    assert len(check_suppression_key()) == 1
    error_ids = {error.id for error in run_checks(databases=["default"])}
    assert "consent.E001" in error_ids


def test_a_retired_key_still_recognises_its_rows(settings: object) -> None:
    suppress([ADA], request_id=None)
    settings.RETIRED_SUPPRESSION_KEYS = [settings.SUPPRESSION_KEY]
    settings.SUPPRESSION_KEY = "another key"
    suppress([BOB], request_id=None)
    assert find_suppressed([ADA, BOB]) == {ADA, BOB}
    assert check_suppression_key() == []


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
        digest=suppression_digest(key, stored, 1), key_id=key.id, normaliser_version=1
    )
    assert find_suppressed([offered, "user_id:other"]) == {offered}
