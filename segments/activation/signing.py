"""The form of Standard Webhooks: ids, signatures and secrets.

Source: https://www.standardwebhooks.com, by its library.
"""

import base64
import secrets
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook as Signer

from profiles.lib import exact_json
from profiles.lib.sealing import box
from segments.models import Webhook

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
_SUBJECT = "secrets of outgoing webhooks"
_KEYS = "keys of the erased"


def new_secret() -> str:
    """Return a new secret as receivers are given it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal_secret(secret: str) -> bytes:
    """Return a secret sealed, as it is stored."""
    return box(_SUBJECT).encrypt(secret.encode())


def seal_key(key: UUID) -> bytes:
    """Return the key of somebody who was erased, sealed."""
    return box(_KEYS).encrypt(key.bytes)


def open_key(sealed: bytes | memoryview) -> UUID:
    """Return the key that was sealed."""
    return UUID(bytes=box(_KEYS).decrypt(bytes(sealed)))


def live_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign now: the current one, and the former one for a while."""
    sealed = [webhook.sealed_secret]
    if webhook.sealed_former_secret and webhook.former_until and now < webhook.former_until:
        sealed.append(webhook.sealed_former_secret)
    return [box(_SUBJECT).decrypt(bytes(each)).decode() for each in sealed]


def body_bytes(body: object) -> bytes:
    """Return the body of a delivery, the same bytes at every attempt."""
    return exact_json.dumps(body).encode()


def headers_of(webhook: Webhook, message: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a delivery, signed by each live secret."""
    message_id = f"msg_{message.hex}"
    moment = now.astimezone(UTC)
    signatures = [
        Signer(secret).sign(message_id, moment, body.decode())
        for secret in live_secrets(webhook, now)
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Tessera",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": " ".join(signatures),
    }
