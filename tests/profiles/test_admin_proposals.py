"""Proposals in the admin: a steward goes through the queue, tries and answers."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from profiles.models import AuditEntry, IdentityDecision, MatchModel, MatchProposal, Profile
from tests.admin import sign_in
from tests.factories import profile_of, send_messages

pytestmark = pytest.mark.django_db
State = MatchProposal.State


def make_proposal(number: int, probability: float) -> MatchProposal:
    traits = {"first_name": f"Ada{number}", "city": "Lyon"}
    send_messages({"userId": f"a{number}", "traits": traits})
    send_messages({"anonymousId": f"b{number}", "traits": {"first_name": f"Adah{number}"}})
    sides = (profile_of(name) for name in (f"user_id:a{number}", f"anonymous_id:b{number}"))
    one, other = (side.identifiers.get(namespace="profile") for side in sides)
    weights = {"city": -0.4, "given_name": 14.1}
    return MatchProposal.objects.create(
        one=one, other=other, probability=probability, prior=-10.2, weights=weights
    )


def page_of(proposal: MatchProposal) -> str:
    return reverse("admin:profiles_matchproposal_change", args=[proposal.pk])


def test_a_steward_answers_one_after_another() -> None:
    rows = [make_proposal(number, 0.9 - number / 100) for number in range(4)]
    steward = sign_in("steward")
    people = Profile.objects.count()
    tried = steward.post(page_of(rows[0]), {"answer": "try"})
    assert "So it would be" in tried.content.decode()
    assert (Profile.objects.count(), MatchProposal.objects.filter(state="open").count()) == (
        people,
        4,
    )
    answers = [("accepted", rows[1]), ("later", rows[2]), ("related", rows[3])]
    for row, (answer, following) in zip(rows, answers, strict=False):
        answered = steward.post(page_of(row), {"answer": answer, "reason": "by phone"})
        assert answered.headers["Location"] == page_of(following)
    # What was put off is the last one.
    answered = steward.post(page_of(rows[3]), {"answer": "declined"})
    assert answered.headers["Location"] == page_of(rows[1])
    for row in rows:
        row.refresh_from_db()
    assert [row.state for row in rows] == ["accepted", "open", "related", "declined"]
    assert Profile.objects.count() == people - 1
    assert set(IdentityDecision.objects.values_list("verdict", "reason")) == {
        ("same", "by phone"),
        ("related", "by phone"),
    }
    deeds = AuditEntry.objects.filter(verb__startswith="proposal.")
    assert deeds.count() == 4


def test_the_list_has_what_waits_and_says_why_there_can_be_nothing() -> None:
    steward, url = sign_in("steward"), reverse("admin:profiles_matchproposal_changelist")
    assert "Nobody has been compared yet" in steward.get(url).content.decode()
    MatchModel.objects.create(shape=1, people=7, pairs=0, refusal="too_few_people")
    assert "too few people with a name" in steward.get(url).content.decode()
    MatchModel.objects.create(shape=1, people=700, pairs=20)
    page = steward.get(url).content.decode()
    assert "learnt of 700 people" in page
    assert "Nothing waits for an answer." in page
    waiting, answered = make_proposal(1, 0.9), make_proposal(2, 0.8)
    MatchProposal.objects.filter(pk=answered.pk).update(state=State.DECLINED)
    page = steward.get(url).content.decode()
    assert page_of(waiting) in page
    assert page_of(answered) not in page
    assert page_of(answered) in steward.get(url, {"state": "all"}).content.decode()
    page = steward.get(url, {"state": "accepted"}).content.decode()
    assert "Nothing fits what is looked for." in page


def test_the_page_shows_both_sides_and_what_speaks_for_it() -> None:
    proposal = make_proposal(1, 0.95)
    html = sign_in().get(page_of(proposal)).content.decode()
    for text in ("Ada1", "Adah1", "Lyon", "+14.1", "−10.2", "−0.4", "95.0%", "alike"):
        assert text in html, text


def test_whoever_may_not_see_contact_data_sees_what_agrees_and_no_values() -> None:
    proposal = make_proposal(1, 0.95)
    assert sign_in("marketer").get(page_of(proposal)).status_code == 403
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_merge"))
    client = Client()
    client.force_login(user)
    html = client.get(page_of(proposal)).content.decode()
    assert "alike" in html
    for text in ("Ada1", "Adah1", "Lyon"):
        assert text not in html, text


def test_whoever_may_only_look_cannot_answer() -> None:
    proposal = make_proposal(1, 0.95)
    auditor = sign_in("auditor")
    assert 'name="answer"' not in auditor.get(page_of(proposal)).content.decode()
    assert auditor.post(page_of(proposal), {"answer": "accepted"}).status_code == 403
    proposal.refresh_from_db()
    assert proposal.state == State.OPEN


def test_an_answer_given_meanwhile_is_told() -> None:
    proposal = make_proposal(1, 0.95)
    steward = sign_in("steward")
    assert steward.post(page_of(proposal), {"answer": "declined"}).status_code == 302
    again = steward.post(page_of(proposal), {"answer": "accepted"}, follow=True)
    assert "Somebody has answered it" in again.content.decode()
    assert not IdentityDecision.objects.exists()


def test_restricted_people_are_not_shown() -> None:
    proposal = make_proposal(1, 0.95)
    Profile.objects.filter(pk=profile_of("user_id:a1").pk).update(is_restricted=True)
    html = sign_in("steward").get(page_of(proposal)).content.decode()
    assert "Lyon" not in html
    assert "not shown" in html


def test_home_counts_what_waits() -> None:
    make_proposal(1, 0.95)
    html = sign_in("steward").get(reverse("admin:index")).content.decode()
    assert "1 pair may be one person." in html
