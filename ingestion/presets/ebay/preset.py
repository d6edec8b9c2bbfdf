"""eBay: orders, and accounts that are closed (developer.ebay.com, Notification API)."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1

from ingestion.presets.delivery import BadSignature, Delivery, text_at
from ingestion.presets.presets import Answer, Preset
from ingestion.presets.public_keys import check_by_key, has_key, text_before_keys
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the ECDSA signature of the body, which the header has in base64 of JSON.

    SHA-1 is eBay's own choice. It signs no time; facts have ids of their own.
    """
    try:
        header = exact_json.read(base64.b64decode(delivery.header("X-EBAY-SIGNATURE")))
    except (ValueError, binascii.Error, UnreadableJSON):
        raise BadSignature from None
    check_by_key(secret, delivery.body, text_at(header, "signature"), SHA1())  # noqa: S303


def _challenge(parameters: Mapping[str, str], secret: str, url: str) -> Answer | None:
    """Return the proof that an address is the holder's of the verification token."""
    code = parameters.get("challenge_code", "")
    if not code:
        return None
    proof = hashlib.sha256(f"{code}{text_before_keys(secret)}{url}".encode()).hexdigest()
    return Answer(f'{{"challengeResponse": "{proof}"}}', "application/json")


def _secret_fault(secret: str) -> str:
    is_whole = text_before_keys(secret) and has_key(secret)
    return "" if is_whole else "The verification token, and behind it eBay's public key."


PRESET = Preset(
    key="ebay",
    title="eBay",
    check=_check,
    secret_fault=_secret_fault,
    challenge=_challenge,
    kind_of=lambda delivery: text_at(delivery.content, "metadata", "topic"),
    ignored=frozenset({"ITEM_MARKED_SHIPPED"}),
)
