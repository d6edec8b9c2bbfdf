"""Requests about many people: nothing happens before a second person approves them."""

from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.models import BulkRequest, PrivacyRequest
from consent.services import (
    NewRequest,
    WrongStatus,
    act_on_request,
    act_on_requests,
    approve_bulk,
    break_glass,
    carry_out_bulks,
    decline_bulk,
    open_bulk,
    open_request,
    tell_of_broken_glass,
)
from profiles.models import AuditEntry, Identifier, Profile
from profiles.services import Actor, SamePerson, persons_of
from tests.factories import TESTER, make_profile

pytestmark = pytest.mark.django_db
_numbers = count(1)


@pytest.fixture
def people() -> list[Profile]:
    return [make_profile(f"email:p{number}@example.org") for number in range(12)]


def officer(email: str = "") -> User:
    user = User.objects.create_user(f"officer-{next(_numbers)}", email=email, is_staff=True)
    user.groups.add(Group.objects.get(name="privacy officer"))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ask(people: list[Profile], user: User, kind: str = "access") -> BulkRequest:
    return open_bulk(
        kind, persons_of(people), reason="a breach", actor=Actor.staff(user), now=timezone.now()
    )


def decide(function: Any, bulk: BulkRequest, user: User, reason: str = "seen") -> None:
    function(bulk, actor=Actor.staff(user), reason=reason, now=timezone.now())


def test_above_ten_people_nothing_happens_before_somebody_else_approves(
    people: list[Profile],
) -> None:
    bulk = ask(people, officer())
    assert (bulk.state, carry_out_bulks()) == ("open", 0)
    assert not PrivacyRequest.objects.exists()
    decide(approve_bulk, bulk, officer())
    assert carry_out_bulks() == 12
    assert carry_out_bulks() == 0
    assert PrivacyRequest.objects.filter(bulk=bulk, kind="access", door="staff").count() == 12
    assert act_on_requests() == 12


def test_ten_people_need_nobody_else(people: list[Profile]) -> None:
    bulk = ask(people[:10], officer())
    assert (bulk.state, carry_out_bulks()) == ("not_needed", 10)


def test_requests_of_people_themselves_never_wait(settings: Any, people: list[Profile]) -> None:
    settings.SECOND_PERSON_ABOVE = 0
    new_request = NewRequest(kind="access", references=(f"profile:{people[0].uuid}",))
    request = open_request(new_request, door="service", actor=TESTER)
    assert act_on_request(request.pk, actor=TESTER)


@pytest.mark.parametrize("address", ["Eve@example.org", " eve+2@Example.org"])
def test_nobody_approves_their_own_by_a_second_account(address: str, people: list[Profile]) -> None:
    eve, second = officer("eve@example.org"), officer(address)
    bulk = ask(people, eve)
    for user in (eve, second):
        with pytest.raises(SamePerson):
            decide(approve_bulk, bulk, user)
    decide(approve_bulk, bulk, officer("zoe@example.org"))
    with pytest.raises(WrongStatus):
        decide(decline_bulk, bulk, eve)


def test_declined_is_declined(people: list[Profile]) -> None:
    bulk = ask(people, officer())
    decide(decline_bulk, bulk, officer())
    assert carry_out_bulks() == 0
    with pytest.raises(WrongStatus):
        decide(approve_bulk, bulk, officer())


def test_broken_glass_goes_on_and_all_officers_are_told_once(people: list[Profile]) -> None:
    alone = officer("alone@example.org")
    officer("other@example.org")
    bulk = ask(people, alone)
    with pytest.raises(ValueError, match="second person"):
        decide(break_glass, bulk, alone, reason=" ")
    decide(break_glass, bulk, alone, reason="the other is on holiday, the month ends")
    assert carry_out_bulks() == 12
    assert [tell_of_broken_glass(now=timezone.now()) for _ in range(2)] == [1, 0]
    assert sorted(message.to[0] for message in mail.outbox) == [
        "alone@example.org",
        "other@example.org",
    ]
    assert "on holiday" in mail.outbox[0].body
    entry = AuditEntry.objects.get(verb="bulk_request.glass_broken")
    assert entry.body.reason.startswith("the other")


def test_carrying_out_again_after_a_kill_opens_nothing_twice(people: list[Profile]) -> None:
    bulk = ask(people[:10], officer())
    carry_out_bulks()
    # A worker was killed before it had noted how far it was.
    BulkRequest.objects.filter(pk=bulk.pk).update(opened=0)
    assert carry_out_bulks() == 10
    assert PrivacyRequest.objects.filter(bulk=bulk).count() == 10


def test_who_was_erased_meanwhile_is_left_out(people: list[Profile]) -> None:
    bulk = ask(people, officer())
    new_request = NewRequest(kind="erasure", references=(f"profile:{people[0].uuid}",))
    act_on_request(open_request(new_request, door="service", actor=TESTER).pk, actor=TESTER)
    decide(approve_bulk, bulk, officer())
    carry_out_bulks()
    assert PrivacyRequest.objects.filter(bulk=bulk).count() == 11


def test_staff_choose_people_in_the_list_and_see_how_many(people: list[Profile]) -> None:
    first, second = officer(), officer()
    client = signed_in(first)
    chosen = {"action": "privacy_requests", "_selected_action": [each.pk for each in people]}
    answer = client.post(reverse("admin:profiles_profile_changelist"), chosen)
    add = reverse("admin:consent_bulkrequest_add")
    assert answer["Location"] == add
    fields = {"kind": "erasure", "reason": "a breach"}
    question = client.post(add, fields).context["question"]
    assert (question.counts, question.is_dangerous) == ({"People": 12}, True)
    assert not BulkRequest.objects.exists()
    client.post(add, fields | {"confirmed": "True"})
    bulk = BulkRequest.objects.get()
    page = reverse("admin:consent_bulkrequest_change", args=[bulk.pk])
    approve = reverse("admin:consent_bulkrequest_approve", args=[bulk.pk])
    assert approve not in client.get(page).content.decode()
    refused = client.post(approve, {"reason": "my own words"}).content.decode()
    assert "Somebody else has to approve it." in refused
    assert "my own words" in refused
    shown = signed_in(second).get(page).content.decode()
    assert approve in shown
    assert "a breach" in shown
    assert str(people[0].uuid) in shown
    signed_in(second).post(approve, {"reason": "seen"})
    bulk.refresh_from_db()
    assert (bulk.state, bulk.decided_by) == ("approved", f"staff:{second.pk}")


def test_identifiers_are_pasted_and_a_bad_line_is_named(people: list[Profile]) -> None:
    client, add = signed_in(officer()), reverse("admin:consent_bulkrequest_add")
    fields = {"kind": "access", "reason": "a breach"}
    bad = client.post(add, fields | {"identifiers": "p1@example.org\nnobody"})
    assert "Line 2 is no identifier." in bad.content.decode()
    text = "p1@example.org\n\nemail:P2@example.org\nemail:gone@example.org"
    question = client.post(add, fields | {"identifiers": text}).context["question"]
    assert question.counts == {"People": 2, "Identifiers that nobody has": 1}
    client.post(add, fields | {"identifiers": text, "confirmed": "True"})
    bulk = BulkRequest.objects.get()
    uuids = Identifier.objects.filter(pk__in=bulk.person_ids).values_list("value", flat=True)
    assert set(uuids) == {str(people[1].uuid), str(people[2].uuid)}


def test_other_roles_are_offered_nothing(people: list[Profile]) -> None:
    marketer = User.objects.create_user("marketer", is_staff=True)
    marketer.groups.add(Group.objects.get(name="marketer"))
    client = signed_in(marketer)
    assert client.get(reverse("admin:consent_bulkrequest_add")).status_code == 403
    assert (
        "privacy_requests"
        not in client.get(reverse("admin:profiles_profile_changelist")).content.decode()
    )
