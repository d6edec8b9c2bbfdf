"""Braintree: payments, refunds, disputes (developer.paypal.com/braintree), XML in forms."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from ingestion.presets.delivery import BadSignature, Delivery, text_at
from ingestion.presets.presets import Answer, Preset
from ingestion.presets.xml_content import read_xml


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check `public key|HMAC-SHA1`, of which there may be several. Braintree's own rule.

    As an HMAC, SHA-1 is not broken. It signs no time; facts have ids of their own.
    """
    fields = _fields(delivery)
    public_key = secret.partition(":")[0]
    pairs = [pair.partition("|") for pair in fields.get("bt_signature", "").split("&")]
    given = [made.encode() for key, _, made in pairs if key == public_key]
    payload = fields.get("bt_payload", "")
    # Braintree signs the text with the end of its last line, which forms may lose.
    made = [_digest(secret, text).encode() for text in (payload, payload + "\n")]
    are_equal = [hmac.compare_digest(each, one) for each in made for one in given]
    if True not in are_equal:
        raise BadSignature


def _digest(secret: str, text: str) -> str:
    key = hashlib.sha1(secret.partition(":")[2].encode(), usedforsecurity=False).digest()
    return hmac.new(key, text.encode(), "sha1").hexdigest()


def _challenge(parameters: Mapping[str, str], secret: str, url: str) -> Answer | None:
    """Return the proof that an address is the holder's of the keys."""
    asked = parameters.get("bt_challenge", "")
    return Answer(f"{secret.partition(':')[0]}|{_digest(secret, asked)}") if asked else None


def _read(delivery: Delivery) -> Any:
    try:
        body = base64.b64decode(_fields(delivery).get("bt_payload", ""))
    except (ValueError, binascii.Error):
        body = b""
    return read_xml(body)


def _fields(delivery: Delivery) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(delivery.body.decode("latin-1")).items()}


PRESET = Preset(
    key="braintree",
    title="Braintree",
    check=_check,
    secret_fault=lambda secret: (
        "" if ":" in secret else "The public key, a colon, the private key."
    ),
    challenge=_challenge,
    read=_read,
    kind_of=lambda delivery: text_at(delivery.content, "notification", "kind"),
    content_of=lambda content: (
        content.get("notification") if isinstance(content, dict) else content
    ),
    ignored=frozenset({"check", "transaction_settled", "disbursement", "dispute_opened"}),
)
