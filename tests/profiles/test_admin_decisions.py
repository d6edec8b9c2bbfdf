"""Deciding who is who in the admin: tried first, then done, and undone."""

import pytest
from django.urls import reverse

from profiles.models import AuditEntry, DecisionVerdict, Identifier, IdentityDecision, Profile
from profiles.services import NewDecision, decide
from tests.admin import sign_in
from tests.factories import TESTER, profile_of, send_messages

pytestmark = pytest.mark.django_db
VERDICTS = reverse("admin:profiles_identitydecision_changelist")


@pytest.fixture
def merged() -> Profile:
    send_messages({"userId": "u1", "anonymousId": "a1", "traits": {"email": "ada@x.org"}})
    return profile_of("user_id:u1")


def form_of(profile: Profile, verdict: str, other: str) -> dict[str, str]:
    one = Identifier.objects.get(profile=profile, namespace="user_id")
    return {"verdict": verdict, "one": str(one.pk), "other": other, "reason": "a shared tablet"}


def address_of(profile: Profile) -> str:
    return reverse("admin:profiles_profile_decide", args=[profile.pk])


def test_a_verdict_is_tried_before_it_is_given_and_can_be_undone(merged: Profile):
    client = sign_in("steward")
    form = form_of(merged, "not_same", "anonymous_id:a1")
    tried = client.post(address_of(merged), form)
    assert "People afterwards" in tried.content.decode()
    assert not IdentityDecision.objects.exists()
    shown = tried.context["question"].form
    done = client.post(address_of(merged), form | {"tried": shown["tried"].value()})
    assert done.url == VERDICTS
    assert profile_of("anonymous_id:a1") != merged
    assert "stands" in client.get(VERDICTS).content.decode()

    decision = IdentityDecision.objects.get()
    client.post(VERDICTS, {"action": "undo", "_selected_action": [decision.pk]})
    assert profile_of("anonymous_id:a1") == merged
    verbs = AuditEntry.objects.order_by("at").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith("decision")] == [
        "decision.made",
        "decision.undone",
    ]


def test_another_choice_than_the_tried_one_is_tried_again(merged: Profile):
    client = sign_in("steward")
    form = form_of(merged, "not_same", "anonymous_id:a1")
    tried = client.post(address_of(merged), form).context["question"].form["tried"].value()
    client.post(address_of(merged), form | {"other": "email:ada@x.org", "tried": tried})
    assert not IdentityDecision.objects.exists()


def test_what_may_not_be_is_said_beside_its_field(merged: Profile):
    client = sign_in("steward")
    answer = client.post(address_of(merged), form_of(merged, "same", "email:nobody@x.org"))
    assert "other" in answer.context["question"].form.errors
    answer = client.post(address_of(merged), form_of(merged, "same", "user_id:u1"))
    assert "other" in answer.context["question"].form.errors


def test_only_who_may_change_rules_and_sees_contacts_decides(merged: Profile):
    for role, status in (("marketer", 403), ("auditor", 403), ("steward", 200)):
        client = sign_in(role)
        assert client.get(address_of(merged)).status_code == status, role
    merged.is_restricted = True
    merged.save()
    assert client.get(address_of(merged)).status_code == 403


def test_nobody_decides_about_a_restricted_person_whom_they_may_not_see(merged: Profile):
    send_messages({"userId": "u2"})
    Profile.objects.filter(pk=profile_of("user_id:u2").pk).update(is_restricted=True)
    form = form_of(merged, "same", "user_id:u2")
    answer = sign_in("steward").post(address_of(merged), form)
    assert "other" in answer.context["question"].form.errors
    answer = sign_in().post(address_of(merged), form)
    assert "other" not in answer.context["question"].form.errors


def test_links_and_verdicts_are_listed_with_addresses_that_name_nobody(merged: Profile):
    client = sign_in("steward")
    page = client.get(address_of(merged))
    ties = page.context["ties"]
    assert {tuple(sorted((str(tie.one), str(tie.other)))) for tie in ties} == {
        ("email:ada@x.org", "user_id:u1"),
        ("anonymous_id:a1", "user_id:u1"),
    }
    assert not any("ada" in tie.url or "a1" in tie.url for tie in ties)
    chosen = client.get(ties[0].url).context["question"].form.initial
    assert chosen == {"one": ties[0].one.pk, "other": str(ties[0].other)}
    for pair in ("one=0&other=0", f"one={'9' * 30}&other=1", "one=x", "one=1"):
        assert client.get(f"{address_of(merged)}?{pair}").status_code == 200


def test_undoing_from_a_persons_page_is_tried_first_and_done_with_a_reason(merged: Profile):
    client = sign_in("steward")
    form = form_of(merged, "not_same", "anonymous_id:a1")
    tried = client.post(address_of(merged), form).context["question"].form["tried"].value()
    client.post(address_of(merged), form | {"tried": tried})
    [verdict] = client.get(address_of(merged)).context["verdicts"]
    counts = client.get(verdict.url).context["question"].counts
    assert counts["People afterwards"] == 1
    assert profile_of("anonymous_id:a1") != merged
    assert client.post(verdict.url, {"reason": ""}).status_code == 200
    assert profile_of("anonymous_id:a1") != merged
    assert client.post(verdict.url, {"reason": "hers after all"}).url == VERDICTS
    assert profile_of("anonymous_id:a1") == merged
    assert client.get(verdict.url).status_code == 404
    assert sign_in("marketer").get(verdict.url).status_code == 403


def test_nobody_undoes_a_verdict_on_a_restricted_person_whom_they_may_not_see(merged: Profile):
    send_messages({"userId": "u2"})
    one, other = (Identifier.objects.get(value=value) for value in ("u1", "u2"))
    new = NewDecision(DecisionVerdict.RELATED, one, other, "sisters")
    decision = decide(new, actor=TESTER)
    Profile.objects.filter(pk=profile_of("user_id:u2").pk).update(is_restricted=True)
    address = reverse("admin:profiles_profile_undo", args=[merged.pk, decision.uuid])
    assert sign_in("steward").get(address).status_code == 404
    assert sign_in().get(address).status_code == 200
