"""Ingestion in the admin: write keys, rejected messages and their replay."""

from typing import Any

import pytest
from django.urls import reverse

from ingestion.models import InboxRow, RejectedMessage, WriteKey
from profiles.models import Source
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
    sign_in("admin").post(url, {"key": "other", "name": "The shop", "priority": "5"})
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


def test_open_messages_are_told_from_those_sent_again(rejected: RejectedMessage) -> None:
    steward = sign_in("steward")
    url = reverse("admin:ingestion_rejectedmessage_changelist")
    counted = lambda state: steward.get(url, {"state": state}).context["cl"].result_count  # noqa: E731
    assert (counted("open"), counted("replayed")) == (1, 0)
    steward.post(reverse("admin:ingestion_rejectedmessage_replay", args=[rejected.pk]))
    assert (counted("open"), counted("replayed")) == (0, 1)
