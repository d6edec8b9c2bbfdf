"""Signing what goes to controllers: answers and callbacks.

The standard signs the body alone, so that an old message stays valid for ever. The headers of
Standard Webhooks are therefore sent as well: they sign its id and its time, too.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from consent.lib.signing import sign_bytes
from consent.opendsr.certificates import current_signer, domain


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the JSON that `processor_signature` is over: keys sorted, no spaces, UTF-8."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with `processor_signature`, which is over the body without that field."""
    return {**body, "processor_signature": _signature(canonical(body))}


def signature_headers(content: bytes, *, message_id: str, now: datetime) -> dict[str, str]:
    """Return the headers that prove the bytes of a body, under the standard's names, old and new.

    `webhook-signature` is by Ed25519, with a key of `/.well-known/jwks.json`.
    """
    signature, sent_at = _signature(content), str(int(now.timestamp()))
    stamped = f"{message_id}.{sent_at}.".encode() + content
    return {
        "X-OpenDSR-Processor-Domain": domain(),
        "X-OpenDSR-Signature": signature,
        "X-OpenGDPR-Processor-Domain": domain(),
        "X-OpenGDPR-Signature": signature,
        "webhook-id": message_id,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1a,{b64encode(sign_bytes(stamped)).decode()}",
    }


def _signature(content: bytes) -> str:
    return b64encode(current_signer().sign(content)).decode()
