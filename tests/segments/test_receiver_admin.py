"""Webhooks and destinations in the admin."""

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from profiles.models import AuditEntry
from segments.models import Delivery, Destination, Webhook
from segments.services import pause_webhook
from tests.admin import sign_in
from tests.factories import TESTER, profile_of, send_messages
from tests.receivers import Receiver
from tests.segments.listening import ADA, consent, listen, live_in, settle
from tests.segments.sending import send_to
from tests.tools import People

pytestmark = pytest.mark.django_db
MAPPING = {"id": "id", "body": {"id": "id", "email": "email"}}


def form_of(people: People, lyon: Any, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Loyalty",
        "segments": [lyon.pk],
        "purpose": lyon.purpose_id,
        "mapping": json.dumps(MAPPING),
        "setting_address": people.url,
        "setting_method": "POST",
        "setting_exit_method": "POST",
        "setting_auth": "bearer",
        "setting_secret": "s3cr3t",
        "setting_batch": "10",
        **changes,
    }


def page_of(destination: Webhook, name: str = "change") -> str:
    kind = "destination" if hasattr(destination, "tool") else "webhook"
    return reverse(f"admin:segments_{kind}_{name}", args=[destination.pk])


def test_a_destination_is_made_changed_and_ended_and_its_secret_is_nowhere(
    people: People, lyon: Any
) -> None:
    client = sign_in()
    add = reverse("admin:segments_destination_add")
    assert "Meta Custom Audiences" in client.get(add).content.decode()
    wrong = client.post(f"{add}?tool=http", form_of(people, lyon, mapping='{"id": "a["}'))
    assert "mapping.id" in wrong.content.decode()
    assert client.post(f"{add}?tool=http", form_of(people, lyon)).status_code == 302
    destination = Destination.objects.get()
    live_in("Lyon")
    consent()
    settle()
    [call] = people.calls
    assert call.headers["authorization"] == "Bearer s3cr3t"
    edit = page_of(destination, "edit")
    assert "s3cr3t" not in client.get(edit).content.decode()
    # A secret that is left empty stays.
    client.post(edit, form_of(people, lyon, setting_secret="", name="Points"))
    client.post(page_of(destination, "test"))
    assert people.calls[-1].headers["authorization"] == "Bearer s3cr3t"
    page = client.get(page_of(destination)).content.decode()
    assert "Points" in page
    assert str(profile_of(ADA).uuid) in page
    client.post(page_of(destination, "end"))
    assert not Destination.objects.exists()
    actions = AuditEntry.objects.filter(object_type="destination").values_list("verb", flat=True)
    assert {"destination.created", "destination.changed", "destination.deleted"} <= set(actions)


def test_the_page_says_of_a_person_why_they_are_not_sent(people: People, lyon: Any) -> None:
    destination = send_to("http", lyon, settings={"address": people.url})
    live_in("Lyon")
    consent("refused")
    settle()
    page = sign_in().get(page_of(destination), {"person": profile_of(ADA).uuid}).content.decode()
    day = timezone.localdate().isoformat()
    assert f"Not sent: refused or withdrew (newsletter), since {day}." in page


def test_a_sample_shows_what_a_mapping_makes_of_nobody(lyon: Any) -> None:
    client, url = sign_in(), reverse("admin:segments_destination_sample")
    body = {"tool": "meta", "mapping": '{"EMAIL": "email"}'}
    assert "EMAIL" in client.post(url, body).content.decode()
    for text in ("{", '{"EMAIL": "a["}', "[" * 5000, "null"):
        response = client.post(url, body | {"mapping": text})
        assert response.status_code == 200
        assert "t-bad" in response.content.decode()


def test_a_dry_run_and_a_replay_are_a_page_and_a_form(people: People, lyon: Any) -> None:
    client, destination = sign_in(), send_to("http", lyon, settings={"address": people.url})
    live_in("Lyon")
    consent()
    settle()
    assert "would be sent" in client.get(page_of(destination, "trial")).content.decode()
    today = timezone.localdate().isoformat()
    body = {"since_0": today, "since_1": "00:00:00"}
    assert client.post(page_of(destination, "replay"), body).status_code == 302
    settle()
    assert len(people.calls) == 2
    client.post(page_of(destination, "pause"))
    destination.refresh_from_db()
    assert destination.paused_at
    client.post(page_of(destination, "resume"))
    destination.refresh_from_db()
    assert destination.paused_at is None


def test_staff_without_contact_data_see_a_destination_and_make_none(
    people: People, lyon: Any
) -> None:
    destination = send_to("http", lyon, settings={"address": people.url})
    send_messages({"userId": "ada", "traits": {"city": "Lyon", "email": "ada@example.org"}})
    consent()
    settle()
    client = sign_in("marketer")
    page = client.get(page_of(destination), {"person": profile_of(ADA).uuid}).content.decode()
    assert "ada@example.org" not in page
    for url in (
        reverse("admin:segments_destination_add"),
        page_of(destination, "edit"),
        page_of(destination, "trial"),
    ):
        assert client.get(url).status_code == 403
    assert client.post(page_of(destination, "end")).status_code == 403


def test_a_destination_that_paused_itself_is_on_the_home_page(people: People, lyon: Any) -> None:
    destination = send_to("http", lyon, settings={"address": people.url})
    pause_webhook(destination, actor=TESTER)
    Webhook.objects.update(pause_reason="failing")
    assert page_of(destination) in sign_in().get(reverse("admin:index")).content.decode()


def test_a_webhook_is_changed_replayed_and_deleted(receiver: Receiver, lyon: Any) -> None:
    client, webhook = sign_in(), listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    body = {
        "name": "Till",
        "url": receiver.url,
        "events": ["segment.entered"],
        "segments": [lyon.pk],
        "purpose": "",
    }
    assert client.post(page_of(webhook, "edit"), body).status_code == 302
    webhook.refresh_from_db()
    assert webhook.name == "Till"
    today = timezone.localdate().isoformat()
    client.post(page_of(webhook, "replay"), {"since_0": today, "since_1": "00:00:00"})
    settle()
    assert len(receiver.taken) == 2
    client.post(page_of(webhook, "end"))
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_a_destination_has_no_page_as_a_webhook(people: People, lyon: Any) -> None:
    destination = send_to("http", lyon, settings={"address": people.url})
    client = sign_in()
    url = reverse("admin:segments_webhook_change", args=[destination.pk])
    assert client.get(url).status_code in (302, 404)
    listed = client.get(reverse("admin:segments_webhook_changelist")).content.decode()
    assert str(destination.pk) not in listed
