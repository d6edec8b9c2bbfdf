"""Signed messages of public keys: who counts as a server, and who does not."""

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.models import DroppedCount
from ingestion.services import create_signing_secret, revoke_signing_secret
from ingestion.signing import is_signed
from profiles.models import Event, Identifier, Source
from tests.factories import TESTER, make_source, profile_of, send_messages
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db
SECRET = "tss_" + "x" * 43


def sign(user_id: str, secret: str) -> str:
    """Sign as the documentation says, and not as the product does."""
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def secret(shop: Source) -> str:
    return create_signing_secret(shop, actor=TESTER)[1]


def identify(user_id: Any, signature: Any, **more: Any) -> dict[str, Any]:
    context = {"identity_signature": signature}
    return {"type": "identify", "userId": user_id, "context": context} | more


def is_vouched(user_id: str) -> bool:
    return Identifier.objects.get(namespace="user_id", value=user_id).is_vouched


def test_a_signed_message_of_a_public_key_counts_as_a_servers(send: Send, secret: str) -> None:
    send_messages({"anonymousId": "lead", "traits": {"email": "ada@crm.org"}}, source="crm")
    traits = {"email": "ada@crm.org", "city": "Lyon"}
    send({"type": "identify", "userId": "u1", "traits": traits}, kind="public")
    assert profile_of("user_id:u1") != profile_of("email:ada@crm.org")
    send(identify("u2", sign("u2", secret), traits=traits), kind="public")
    assert profile_of("user_id:u2") == profile_of("email:ada@crm.org")
    assert profile_of("user_id:u2").traits["city"] == "Lyon"
    assert is_vouched("u2")


@pytest.mark.parametrize(
    ("signed", "sent"), [("42", 42), ("42", "42"), (" u1 ", " u1 "), ("Zoë", "Zoë")]
)
def test_the_id_is_signed_as_it_is_sent(send: Send, secret: str, signed: str, sent: Any) -> None:
    send(identify(sent, sign(signed, secret).upper()), kind="public")
    assert Identifier.objects.get(namespace="user_id").is_vouched


def test_a_signature_for_all_messages_of_a_batch_counts_for_each_of_its_person(
    send: Send, secret: str
) -> None:
    context = {"identity_signature": sign("u1", secret)}
    messages = [{"type": "identify", "userId": user} for user in ("u1", "u2")]
    send(*messages, kind="public", envelope={"context": context})
    assert (is_vouched("u1"), is_vouched("u2")) == (True, False)


def test_two_secrets_live_at_once_until_one_is_revoked(
    send: Send, shop: Source, secret: str
) -> None:
    second, text = create_signing_secret(shop, actor=TESTER)
    send(identify("u1", sign("u1", secret)), identify("u2", sign("u2", text)), kind="public")
    assert (is_vouched("u1"), is_vouched("u2")) == (True, True)
    revoke_signing_secret(second, actor=TESTER)
    send(identify("u3", sign("u3", secret)), identify("u4", sign("u4", text)), kind="public")
    assert (is_vouched("u3"), is_vouched("u4")) == (True, False)


def test_a_wrong_signature_is_counted_and_the_message_is_a_claim(
    send: Send, shop: Source, secret: str
) -> None:
    other = create_signing_secret(make_source(key="other"), actor=TESTER)[1]
    wrong = [sign("u2", secret), sign("u1", other), sign("u1", ""), "x", "é"]
    for signature in wrong:
        send(identify("u1", signature), kind="public")
    assert not is_vouched("u1")
    counted = DroppedCount.objects.get(source=shop, reason="identity_signature")
    assert counted.count == len(wrong)


@pytest.mark.parametrize("signature", [None, "", 7, [], {}, True])
def test_what_is_no_signature_is_no_fault(send: Send, secret: str, signature: Any) -> None:
    assert "X-Rejected" not in send(identify("u1", signature), kind="public")
    assert not is_vouched("u1")
    assert not DroppedCount.objects.filter(reason="identity_signature").exists()


def test_a_signature_without_an_id_proves_nothing(send: Send, secret: str) -> None:
    message = identify(None, sign("", secret)) | {"anonymousId": "a1"}
    send(message, kind="public")
    assert not Identifier.objects.get(namespace="anonymous_id").is_vouched


def test_a_signature_is_not_stored_with_the_event(send: Send, secret: str) -> None:
    context = {"identity_signature": sign("u1", secret), "locale": "fr"}
    track = {"type": "track", "event": "Viewed", "userId": "u1", "context": context}
    send(track, kind="public")
    send(track | {"userId": "u2"}, kind="secret")
    contexts = [event.context for event in Event.objects.all()]
    assert [context.keys() for context in contexts] == [{"locale", "inferred"}] * 2


@examples(max_examples=tries(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=80))
@example("u1", "u1", "")
def test_only_the_holder_of_the_secret_can_sign_and_only_for_the_id_that_was_signed(
    user_id: str, other_id: str, forged: str
) -> None:
    user_id, other_id, forged = (
        text.encode(errors="replace").decode() for text in (user_id, other_id, forged)
    )
    signature = sign(user_id, SECRET)
    assert is_signed(user_id, signature, [SECRET])
    assert is_signed(other_id, signature, [SECRET]) is (other_id == user_id)
    assert not is_signed(user_id, forged, [SECRET])
    assert not is_signed(user_id, signature, [])
