"""Deciding who is who in the admin: tried first, then done, and undone."""

import pytest
from django.urls import reverse

from profiles.models import AuditEntry, Identifier, IdentityDecision, Profile
from tests.admin import sign_in
from tests.factories import profile_of, send_messages

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
