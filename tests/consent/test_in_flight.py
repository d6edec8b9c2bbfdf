"""Consent and erasure with messages on their way, through the tracking API and the drain."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.test import Client

from consent.models import ConsentEvent, PrivacyRequest
from consent.services import NewRequest, act_on_request, may_process, open_request, verify_digests
from ingestion.services import drain_inbox
from profiles.models import Event, Identifier, Profile
from tests.factories import NOW, TESTER, make_purpose, make_write_key

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"
IDENTIFY = {
    "type": "identify",
    "userId": "1",
    "traits": {"email": "ada@example.org", "city": "Lyon"},
}
ORDER = {"type": "track", "userId": "1", "event": "Order Completed", "properties": {"revenue": 5}}


@pytest.fixture
def accept(client: Client) -> Callable[..., None]:
    """Accepts messages with a secret key, without draining them."""
    key = make_write_key()

    def _accept(*messages: dict[str, Any]) -> None:
        answer = client.post(
            "/v1/batch",
            msgspec.json.encode({"batch": list(messages)}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 200

    return _accept


def open_erasure() -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=(ADA,), reason="asked")
    return open_request(new_request, door="service", actor=TESTER)


def test_messages_on_their_way_when_a_person_is_erased_bring_nothing_back(
    accept: Callable[..., None],
) -> None:
    accept(IDENTIFY)
    drain_inbox()
    accept(ORDER, IDENTIFY | {"messageId": "again"})
    request = open_erasure()
    assert not act_on_request(request.pk, actor=TESTER), (
        "an accepted message has not been drained yet"
    )
    assert not Profile.objects.exists()
    drain_inbox()
    assert act_on_request(request.pk, actor=TESTER)
    assert not Identifier.objects.exists()
    assert not Event.objects.exists()


def test_an_erased_person_does_not_come_back_by_a_later_message(
    accept: Callable[..., None],
) -> None:
    accept(IDENTIFY)
    drain_inbox()
    act_on_request(open_erasure().pk, actor=TESTER)
    accept(
        IDENTIFY,
        ORDER,
        IDENTIFY | {"anonymousId": "a-1"},
        {"type": "identify", "anonymousId": "a-2", "traits": {"email": "Ada@Example.org"}},
    )
    drain_inbox()
    assert not Identifier.objects.filter(value__contains="ada@").exists()
    assert not Identifier.objects.filter(namespace="user_id").exists()
    assert not Profile.objects.filter(traits__city="Lyon").exists()


def test_a_consent_in_a_message_is_written_down_with_its_context(
    accept: Callable[..., None],
) -> None:
    make_purpose("marketing")
    context = {
        "consent": {"categoryPreferences": {"marketing": True}},
        "screen": {"density": 1.5},
    }
    accept(IDENTIFY | {"context": context})
    drain_inbox()
    profile = Profile.objects.get()
    event = ConsentEvent.objects.get()
    assert (event.state, event.actor, event.trust) == ("given", "subject", 2)
    assert event.body.evidence["context"]["screen"] == {"density": 1.5}
    assert verify_digests() == []
    assert may_process(profile.pk, "marketing", at=NOW)
