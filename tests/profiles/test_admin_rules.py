"""Trying other rules in the admin, applying what was tried, and pausing it."""

import pytest
from django.urls import reverse

from profiles.models import IdentityRule, RulesApplication
from profiles.services import document_of_store, run_applications, write_document
from tests.admin import sign_in
from tests.factories import profile_of, send_messages

pytestmark = pytest.mark.django_db
TRY = reverse("admin:profiles_rulesapplication_try")
LIST = reverse("admin:profiles_rulesapplication_changelist")


def form_of(count: int) -> dict[str, str]:
    text = write_document(document_of_store())
    rules = text.replace("count: 5\n    days: 365", f"count: {count}\n    days: 365", 1)
    return {"rules": rules, "reason": "fewer addresses"}


def test_rules_are_tried_before_they_are_applied_and_can_be_paused():
    for domain in ("x.org", "y.org"):
        send_messages({"userId": "u1", "traits": {"email": f"ada@{domain}"}})
    client = sign_in("steward")
    assert (
        write_document(document_of_store())
        in client.get(TRY).context["question"].form["rules"].value()
    )
    tried = client.post(TRY, form_of(1))
    counts = tried.context["question"].counts
    assert (counts["People now"], counts["People then"], counts["People who are parted"]) == (
        1,
        2,
        1,
    )
    assert not RulesApplication.objects.exists()
    fingerprint = tried.context["question"].form["tried"].value()
    again = client.post(TRY, form_of(2) | {"tried": fingerprint})
    assert again.context["question"].counts["People then"] == 1
    assert client.post(TRY, form_of(1) | {"tried": fingerprint}).url == LIST
    application = RulesApplication.objects.get()
    client.post(LIST, {"action": "pause", "_selected_action": [application.pk]})
    run_applications()
    assert profile_of("email:ada@y.org") == profile_of("user_id:u1")
    client.post(LIST, {"action": "go_on", "_selected_action": [application.pk]})
    run_applications()
    assert profile_of("email:ada@y.org") != profile_of("user_id:u1")
    assert "100%" in client.get(LIST).content.decode()


def test_several_values_of_a_number_are_compared_in_one_try():
    for number in range(3):
        send_messages({"userId": "u1", "traits": {"email": f"ada@{number}.org"}})
    client = sign_in("steward")
    varied = form_of(5) | {"varied": "email.limit.count", "values": "1, 2 3"}
    rows = client.post(TRY, varied).context["swept"]
    assert [(row["value"], row["profiles"], row["parted"]) for row in rows] == [
        (1, 3, 1),
        (2, 2, 1),
        (3, 1, 0),
    ]
    for field, wrong in (
        ("values", {"values": "one"}),
        ("values", {"values": ""}),
        ("values", {"varied": ""}),
        ("varied", {"varied": "email.colour"}),
    ):
        page = client.post(TRY, varied | wrong)
        assert page.context["question"].form.errors.keys() == {field}
        assert not page.context["swept"]
    assert profile_of("email:ada@2.org") == profile_of("user_id:u1")


def test_a_fault_stands_beside_the_rules():
    form = {"rules": "namespaces: 3", "reason": "a test"}
    page = sign_in("steward").post(TRY, form)
    assert "namespaces: Expected" in page.context["question"].form.errors["rules"][0]


def test_who_may_not_change_rules_neither_tries_nor_applies_them():
    assert sign_in("marketer").post(TRY, form_of(1)).status_code == 403
    assert IdentityRule.objects.get(namespace="email").limit_count == 5
