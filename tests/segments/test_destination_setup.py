"""Setting destinations up: dry runs, the truth about a person, test calls, and faults by path."""

from typing import Any

import pytest
from django.utils import timezone

from segments.services import (
    SegmentError,
    check_account,
    dry_run,
    refresh_changed,
    truth_of,
    update_destination,
)
from tests.factories import TESTER, make_purpose, profile_of
from tests.segments.listening import ADA, LYON, consent, live_in, settle
from tests.segments.sending import known, make_everyone, to_people
from tests.tools import People

pytestmark = pytest.mark.django_db


def test_what_is_changed_of_a_destination_is_compared_with_everybody(
    people: People, lyon: Any
) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    settle()
    mapping = {"id": "email", "body": {"id": "email", "who": "user_id"}}
    update_destination(destination, actor=TESTER, changes={"mapping": mapping})
    settle()
    assert people.people["ada@example.org"] == {"id": "ada@example.org", "who": "ada"}
    other = make_purpose("advertising", now=timezone.now())
    update_destination(destination, actor=TESTER, changes={"purpose": other})
    settle()
    assert people.people == {}
    consent(purpose="advertising")
    settle()
    assert people.people
    everyone = make_everyone(definition=LYON | {"value": "Oslo"})
    update_destination(destination, actor=TESTER, changes={"segments": [everyone]})
    settle()
    assert people.people == {}


def test_a_dry_run_sends_nothing_and_says_who_would_not_be_sent(people: People, lyon: Any) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    known("bob")
    live_in("Lyon", "cay")
    consent(reference="user_id:cay")
    refresh_changed()
    run = dry_run(destination)
    assert (run.members, run.sent) == (3, 1)
    assert run.left_out == {"never_given": 1, "no_identifier": 1}
    assert run.sample == [
        {"id": "ada@example.org", "body": {"id": "ada@example.org", "city": "Lyon", "in": ["lyon"]}}
    ]
    assert people.calls == []


def test_the_truth_about_a_person_says_why_they_are_not_sent_and_since_when(
    people: People, lyon: Any
) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    settle()
    truth = truth_of(destination, profile_of(ADA))
    assert (truth.is_in, truth.refusal) == (True, None)
    assert truth.sent_at
    assert truth.fields["id"] == "ada@example.org"
    consent("withdrawn")
    settle()
    truth = truth_of(destination, profile_of(ADA))
    assert truth.refusal is not None
    assert (truth.is_in, truth.refusal.reason, truth.refusal.purpose) == (
        False,
        "refused",
        "newsletter",
    )
    assert truth.refusal.since
    assert [each.state for each in truth.deliveries] == ["delivered"] * 2
    live_in("Rome", "bob")
    refusal = truth_of(destination, profile_of("user_id:bob")).refusal
    assert refusal is not None
    assert refusal.reason == "no_member"


def test_a_test_call_is_about_nobody(people: People, lyon: Any) -> None:
    destination = to_people(
        people, lyon, settings={"auth": "basic", "auth_name": "me", "secret": "pass"}
    )
    assert check_account(destination).is_taken
    [call] = people.calls
    assert call.body["action"] == "test"
    assert call.headers["authorization"] == "Basic bWU6cGFzcw=="
    assert b"pass" not in bytes(destination.sealed_credentials)
    assert "secret" not in destination.settings


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"body": "id"}, "mapping"),
        ({"id": "email", "extra": "id"}, "mapping.extra"),
        ({"id": "email", "body": {"a": ["b", "c["]}}, "mapping.body.a[1]"),
        ({"id": 5}, "mapping.id"),
        ({"id": "a" * 1001}, "mapping.id"),
        ({"id": "(" * 900}, "mapping.id"),
        ([], "mapping"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_path_of_the_fault(
    people: People, lyon: Any, mapping: Any, path: str
) -> None:
    with pytest.raises(SegmentError) as refused:
        to_people(people, lyon, mapping=mapping)
    assert refused.value.field == path


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"address": ""}, "settings.address"),
        ({"address": "http://example.org"}, "settings.address"),
        ({"address": "https://example.org\nX: y"}, "settings.address"),
        ({"method": "BREW"}, "settings.method"),
        ({"colour": "red"}, "settings.colour"),
    ],
)
def test_faulty_settings_are_refused_by_their_names(
    people: People, lyon: Any, settings: Any, path: str
) -> None:
    with pytest.raises(SegmentError) as refused:
        to_people(people, lyon, settings=settings)
    assert refused.value.field == path
