"""Automations in the admin: making, publishing and pausing one, and what is shown of it."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from segments.models import Automation
from tests.admin import sign_in
from tests.factories import make_purpose
from tests.segments.flows import MAIL, do, pass_time, publish

pytestmark = pytest.mark.django_db
SENSITIVE = {
    "trigger": {"type": "event", "name": "Signed Up"},
    "steps": [
        {
            "type": "check",
            "test": {"type": "trait", "key": "email", "operator": "contains", "value": "@"},
        }
    ],
}


def page_of(row: Automation) -> str:
    return reverse("admin:segments_automation_change", args=[row.pk])


def act(client: Any, row: Automation, action: str) -> None:
    url = reverse("admin:segments_automation_act", args=[row.pk, action])
    assert client.get(url).status_code == client.post(url).status_code == 302
    row.refresh_from_db()


def test_the_page_draws_the_way_with_its_numbers() -> None:
    row = publish(MAIL, {"type": "wait", "for": {"days": 3}}, MAIL, cap={"most": 3, "days": 7})
    do("Signed Up")
    pass_time()
    text = sign_in().get(page_of(row)).content.decode()
    for words in ("When “Signed Up” happens", "wait 3 days", "1 waiting", "sent: 1", "3 messages"):
        assert words in text


def test_all_faults_of_a_definition_are_said_beside_the_form() -> None:
    client, purpose = sign_in(), make_purpose(now=timezone.now())
    fields = {"key": "hello", "name": "Hello", "purpose": purpose.pk, "priority": 100}
    body = {"trigger": {"type": "soon"}, "steps": [{"type": "wait"}, {"type": "fax"}]}
    url = reverse("admin:segments_automation_add")
    response = client.post(url, {**fields, "definition": str(body).replace("'", '"')})
    text = response.content.decode()
    for path in ("trigger.type", "steps[0]", "steps[1].type"):
        assert path in text
    assert not Automation.objects.exists()


def test_buttons_publish_pause_go_on_and_archive() -> None:
    client, purpose = sign_in(), make_purpose(now=timezone.now())
    url = reverse("admin:segments_automation_install", args=["welcome"])
    assert client.post(url, {"purpose": purpose.pk}).status_code == 302
    row = Automation.objects.get()
    seen = [row.status]
    for action in ("publish", "pause", "resume", "archive", "publish"):
        act(client, row, action)
        seen.append(row.status)
    assert seen == ["draft", "live", "paused", "live", "archived", "archived"]


def test_whoever_may_not_see_contact_data_sees_no_numbers_by_them() -> None:
    row = publish(*SENSITIVE["steps"])
    client = sign_in("marketer")
    text = client.get(page_of(row)).content.decode()
    assert "Hidden from you" in text
    assert "The way" not in text


def test_the_list_leads_to_those_that_are_ready_and_says_which_are_installed() -> None:
    client, purpose = sign_in(), make_purpose(now=timezone.now())
    ready = reverse("admin:segments_automation_templates")
    assert ready in client.get(reverse("admin:segments_automation_changelist")).content.decode()
    client.post(
        reverse("admin:segments_automation_install", args=["birthday"]), {"purpose": purpose.pk}
    )
    text = client.get(ready).content.decode()
    assert text.count("installed") == 1
