"""Ingestion in the admin: write keys, rejected messages and their replay."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion.models import (
    InboxRow,
    MessageCount,
    RecentMessage,
    RejectedMessage,
    SigningSecret,
    WriteKey,
)
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.models import Event, Source
from tests.admin import make_world, sign_in
from tests.factories import make_source, send_messages

pytestmark = pytest.mark.django_db


@pytest.fixture
def rejected() -> RejectedMessage:
    """A rejected message."""
    send_messages({"type": "track", "userId": "u-1", "properties": {"email": "lost@example.org"}})
    return RejectedMessage.objects.get()


def test_a_write_key_is_shown_once_and_opens_the_tracking_api_until_it_is_revoked() -> None:
    source, admin = make_source(key="shop"), sign_in("admin")
    response = admin.post(reverse("admin:profiles_source_make_key", args=[source.pk, "secret"]))
    secret, key = response.context["secret"], WriteKey.objects.get()
    assert "no-store" in response["Cache-Control"]
    body = {"userId": "u-1", "messageId": "1", "traits": {}}
    send: dict[str, Any] = {
        "content_type": "application/json",
        "headers": {"Authorization": f"Bearer {secret}"},
    }
    assert admin.post("/v1/identify", body, **send).status_code == 200
    page = reverse("admin:profiles_source_change", args=[source.pk])
    assert secret not in admin.get(page).content.decode()
    assert key.prefix in admin.get(page).content.decode()
    admin.post(reverse("admin:profiles_source_revoke", args=[source.pk, key.pk]))
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_is_made_by_post_alone_and_of_a_known_kind() -> None:
    source, admin = make_source(key="shop"), sign_in("admin")
    url = reverse("admin:profiles_source_make_key", args=[source.pk, "secret"])
    assert admin.get(url).status_code == 302
    odd = reverse("admin:profiles_source_make_key", args=[source.pk, "golden"])
    assert admin.post(odd).status_code == 404
    assert not WriteKey.objects.exists()


def test_a_key_of_another_source_is_not_revoked() -> None:
    world = make_world()
    url = reverse("admin:profiles_source_revoke", args=[make_source().pk, world["write_key"].pk])
    assert sign_in("admin").post(url).status_code == 404
    world["write_key"].refresh_from_db()
    assert world["write_key"].revoked_at is None


def test_the_key_of_a_source_never_changes() -> None:
    source = make_source(key="shop")
    url = reverse("admin:profiles_source_change", args=[source.pk])
    sign_in("admin").post(
        url, {"key": "other", "name": "The shop", "priority": "5", "party": "first"}
    )
    assert Source.objects.get().key == "shop"
    assert Source.objects.get().name == "The shop"


def test_a_rejected_message_shows_its_fault_and_its_body_to_who_may_see_contacts(
    rejected: RejectedMessage,
) -> None:
    url = reverse("admin:ingestion_rejectedmessage_change", args=[rejected.pk])
    page = sign_in("steward").get(url).content.decode()
    assert rejected.code in page
    assert "lost@example.org" in page
    assert sign_in("marketer").get(url).status_code == 403


def test_a_rejected_message_is_sent_again_once(rejected: RejectedMessage) -> None:
    steward = sign_in("steward")
    url = reverse("admin:ingestion_rejectedmessage_replay", args=[rejected.pk])
    steward.get(url)
    assert not InboxRow.objects.exists()
    for _ in range(2):
        assert steward.post(url).status_code == 302
    assert InboxRow.objects.count() == 1
    rejected.refresh_from_db()
    assert rejected.replayed_at is not None


def test_many_rejected_messages_are_sent_again_at_once(rejected: RejectedMessage) -> None:
    send_messages({"type": "track", "userId": "u-2"})
    everything = list(RejectedMessage.objects.values_list("pk", flat=True))
    body = {"action": "replay_selected", "_selected_action": everything}
    url = reverse("admin:ingestion_rejectedmessage_changelist")
    sign_in("auditor").post(url, body)
    assert not InboxRow.objects.exists()
    sign_in("steward").post(url, body)
    assert InboxRow.objects.count() == 2


def test_a_rejected_message_is_mended_in_the_editor_and_sent_again(
    rejected: RejectedMessage,
) -> None:
    steward = sign_in("steward")
    page = reverse("admin:ingestion_rejectedmessage_change", args=[rejected.pk])
    assert "A track message has no event name." in steward.get(page).content.decode()
    check = reverse("admin:ingestion_rejectedmessage_check", args=[rejected.pk])
    mend = reverse("admin:ingestion_rejectedmessage_mend", args=[rejected.pk])
    faulty, right = '{"type": "track"', '{"type": "track", "userId": "u-1", "event": "x"}'
    assert "not_json" in steward.post(check, {"body": faulty}).content.decode()
    assert "would be taken" in steward.post(check, {"body": right}).content.decode()
    assert "not JSON" in steward.post(mend, {"body": faulty}, follow=True).content.decode()
    steward.post(mend, {"body": right})
    rejected.refresh_from_db()
    assert rejected.mended_at
    assert not InboxRow.objects.exists()
    steward.post(mend, {"body": right, "send": ""})
    drain_inbox()
    assert "stored" in steward.get(page).content.decode()
    assert Event.objects.get().name.name == "x"
    assert "sent again before" in steward.post(mend, {"body": right}, follow=True).content.decode()


def test_the_editor_changes_no_number_and_links_to_all_with_its_fault() -> None:
    body = '{"type":"track","userId":"u-1","event":"x","properties":{"n":[0.10,1e999,1]}}'
    accept(
        InboxBody("", f'{{"batch":[{body}]}}'.encode()),
        source_id=make_source(key="shop").pk,
        trust=2,
        message_count=1,
        is_opted_out=False,
    )
    drain_inbox()
    page = reverse(
        "admin:ingestion_rejectedmessage_change", args=[RejectedMessage.objects.get().pk]
    )
    response = sign_in("steward").get(page)
    text = response.context["editor"]["body"].value()
    assert "".join(text.split()) == body
    assert "path=properties.n%5B%2A%5D" in response.content.decode()


def test_who_may_not_see_contacts_gets_no_editor(rejected: RejectedMessage) -> None:
    colleague = User.objects.create_user("colleague", is_staff=True)
    for codename in ("view_rejectedmessage", "change_rejectedmessage"):
        colleague.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(colleague)
    page = reverse("admin:ingestion_rejectedmessage_change", args=[rejected.pk])
    text = client.get(page).content.decode()
    assert "lost@example.org" not in text
    assert "id_body" not in text
    mend = reverse("admin:ingestion_rejectedmessage_mend", args=[rejected.pk])
    assert client.post(mend, {"body": "{}"}).status_code == 403


def test_faults_are_listed_tried_and_mended_by_a_rule(rejected: RejectedMessage) -> None:
    send_messages(*({"type": "track", "userId": f"u-{number}"} for number in range(3)))
    steward = sign_in("steward")
    overview = steward.get(reverse("admin:ingestion_rejectedmessage_changelist")).content.decode()
    assert "missing_event · event" in overview
    address = reverse("admin:ingestion_rejectedmessage_fault")
    address += "?source=shop&code=missing_event&path=event"
    assert "4 open messages of shop" in steward.get(address).content.decode()
    rule = {"verb": "set", "path": "event", "to": "Order Completed"}
    page = steward.post(address, rule | {"try": ""}).content.decode()
    assert "4 of 4 would be taken" in page
    assert "Order Completed" in page
    assert not InboxRow.objects.exists()
    nothing = steward.post(address, {"verb": "drop", "path": "nothing"}).content.decode()
    assert "0 of 4 would be taken" in nothing
    assert "One of text, number" in steward.post(address, rule | {"verb": "cast"}).content.decode()
    assert steward.post(address, rule | {"apply": ""}).status_code == 302
    drain_inbox()
    assert Event.objects.filter(name__name="Order Completed").count() == 4
    assert sign_in("auditor").get(address).status_code == 403


def test_a_source_waits_for_its_first_message_and_then_shows_its_figures() -> None:
    shop, steward = make_source(key="shop"), sign_in("steward")
    page = reverse("admin:profiles_source_change", args=[shop.pk])
    light = reverse("admin:profiles_source_light", args=[shop.pk])
    assert "waiting for the first event" in steward.get(page).content.decode()
    assert "every 3s" in steward.get(light).content.decode()
    send_messages(
        {"type": "track", "userId": "u-1", "event": "Order Completed"},
        {"type": "track", "userId": "u-1"},
    )
    assert "receiving" in steward.get(light).content.decode()
    assert "every 3s" not in steward.get(light).content.decode()
    figures = steward.get(page).context["figures"]
    assert (figures.today, figures.rejected_today) == (2, 1)
    assert {series.title: series.total for series in figures.series if series.total} == {
        "stored": 1,
        "rejected": 1,
    }
    assert [fault["code"] for fault in figures.faults] == ["missing_event"]
    MessageCount.objects.update(hour=timezone.now() - timedelta(days=3))
    RecentMessage.objects.update(received_at=timezone.now() - timedelta(days=3))
    assert "silent for 3\xa0days" in steward.get(light).content.decode()


def test_the_last_messages_are_shown_masked_and_filtered() -> None:
    properties = {"email": "ada@crm.org", "size": 3}
    send_messages(
        {"type": "track", "userId": "u-1", "event": "Order Completed", "properties": properties},
        {"type": "track", "userId": "u-1"},
    )
    url = reverse("admin:profiles_source_live", args=[Source.objects.get(key="shop").pk])
    assert "ada@crm.org" in sign_in("steward").get(url).content.decode()
    assert sign_in("marketer").get(url).status_code == 403
    colleague = User.objects.create_user("colleague", is_staff=True)
    for codename in ("view_rejectedmessage", "view_source"):
        colleague.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(colleague)
    masked = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "Order Completed" in masked
    assert "ada@crm.org" not in masked
    assert "<html" not in masked

    def shown(query: str) -> list[str]:
        return [row["outcome"] for row in client.get(url + query).context["recent"]]

    assert shown("") == ["rejected", "stored"]
    assert shown("?outcome=stored") == shown("?words=ORDER") == ["stored"]
    assert shown("?words=missing_ev") == ["rejected"]
    assert shown("?words=nothing") == []


def test_a_new_key_is_shown_in_code_and_a_signing_secret_once() -> None:
    shop, admin = make_source(key="shop"), sign_in("admin")
    made = admin.post(reverse("admin:profiles_source_make_key", args=[shop.pk, "secret"]))
    assert f'curl {settings.PUBLIC_URL}/v1/track -u "{made.context["secret"]}:"' in unescape(
        made.content.decode()
    )
    secrets = reverse("admin:profiles_source_make_secret", args=[shop.pk])
    assert admin.get(secrets).status_code == 302
    text = admin.post(secrets).context["secret"]
    page = reverse("admin:profiles_source_change", args=[shop.pk])
    assert text not in admin.get(page).content.decode()
    secret = SigningSecret.objects.get()
    assert secret.prefix in admin.get(page).content.decode()
    revoke = reverse("admin:profiles_source_revoke_secret", args=[shop.pk, secret.pk])
    other = reverse("admin:profiles_source_revoke_secret", args=[make_source().pk, secret.pk])
    assert admin.post(other).status_code == 404
    assert sign_in("auditor").post(revoke).status_code == 403
    admin.post(revoke)
    secret.refresh_from_db()
    assert secret.revoked_at


def test_origins_are_saved_from_one_line() -> None:
    shop, admin = make_source(key="shop"), sign_in("admin")
    url = reverse("admin:profiles_source_change", args=[shop.pk])
    fields = {"name": "Shop", "priority": "5", "party": "first", "keeps_address": "on"}
    origins = "https://shop.example.org,https://*.example.com"
    admin.post(url, fields | {"allowed_origins": origins})
    shop.refresh_from_db()
    assert (shop.allowed_origins, shop.keeps_address) == (origins.split(","), True)
    refused = admin.post(url, fields | {"allowed_origins": "shop.example.org/path"})
    assert refused.context["adminform"].errors.keys() == {"allowed_origins"}
    shop.refresh_from_db()
    assert shop.allowed_origins == origins.split(",")


def test_open_messages_are_told_from_those_sent_again(rejected: RejectedMessage) -> None:
    steward = sign_in("steward")
    url = reverse("admin:ingestion_rejectedmessage_changelist")
    counted = lambda state: steward.get(url, {"state": state}).context["cl"].result_count  # noqa: E731
    assert (counted("open"), counted("replayed")) == (1, 0)
    steward.post(reverse("admin:ingestion_rejectedmessage_replay", args=[rejected.pk]))
    assert (counted("open"), counted("replayed")) == (0, 1)
