"""One delivery of a webhook, and checks of its signature."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# How old a signed delivery may be, where its provider signs the time: Stripe's own tolerance.
TOLERANCE = timedelta(minutes=5)


class BadSignature(Exception):
    """The delivery is not signed by the source's secret, or too long ago."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The body as it came, the headers by lower-case name, the JSON, and the address it came to."""

    body: bytes
    headers: Mapping[str, str]
    content: Any = None
    url: str = ""

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


def text_at(content: Any, *path: str) -> str:
    """Return the text at a path of objects, "" where there is none."""
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, str) else ""


def take_unsigned(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check nothing: of a tool that signs nothing, the token of the address is the only proof."""


def check_standard(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check a delivery by Standard Webhooks (standardwebhooks.com), and its age.

    A secret that begins with `whsec_` is the base64 of the key. Raises BadSignature.
    """
    key = _standard_key(secret)
    seconds = delivery.header("webhook-timestamp")
    before = f"{delivery.header('webhook-id')}.{seconds}.".encode()
    made = base64.b64encode(hmac.digest(key, before + delivery.body, "sha256"))
    _compare_any(made, [part.removeprefix("v1,") for part in _parts(delivery)])
    check_seconds(seconds, now)


def _parts(delivery: Delivery) -> list[str]:
    # There are several while a secret is exchanged.
    return delivery.header("webhook-signature").split()


def _standard_key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise BadSignature from None


def check_base64(
    delivery: Delivery, header: str, secret: str, *, before: str = "", prefix: str = ""
) -> None:
    """Check the base64 of the HMAC-SHA256 of a text and the body behind it. Raises BadSignature."""
    signed = before.encode() + delivery.body
    made = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256"))
    _compare(made, delivery.header(header).removeprefix(prefix).encode())


def check_hex(
    delivery: Delivery, header: str, secret: str, *, prefix: str = "", algorithm: str = "sha256"
) -> None:
    """Check the HMAC of the body in hexadecimal. Raises BadSignature."""
    made = hmac.new(secret.encode(), delivery.body, algorithm).hexdigest()
    # Some send two, with a comma, while a secret is exchanged.
    given = (part.strip() for part in delivery.header(header).split(","))
    _compare_any(made.encode(), [part.removeprefix(prefix).lower() for part in given])


def check_dated(delivery: Delivery, header: str, secret: str, now: datetime) -> None:
    """Check `t=SECONDS,v1=HEX`, an HMAC-SHA256 of the time, a dot and the body, and its age.

    There may be several v1, while a secret is exchanged. Raises BadSignature.
    """
    parts = [part.partition("=") for part in delivery.header(header).split(",")]
    seconds = next((value for name, _, value in parts if name.strip() == "t"), "")
    given = [value for name, _, value in parts if name.strip() == "v1"]
    signed = seconds.encode() + b"." + delivery.body
    made = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
    _compare_any(made, given)
    check_seconds(seconds, now)


def check_seconds(seconds: str, now: datetime) -> None:
    """Check a signed time in seconds since 1970. Raises BadSignature where it is long ago."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        raise BadSignature
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        raise BadSignature


def check_age(text: str, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Check a signed time in ISO 8601. Raises BadSignature where it is long ago, or none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadSignature from None
    if moment.tzinfo is None or abs(now - moment) > tolerance:
        raise BadSignature


def _compare(made: bytes, given: bytes) -> None:
    if not hmac.compare_digest(made, given):
        raise BadSignature


def _compare_any(made: bytes, given: Iterable[str]) -> None:
    # All are compared, so that the time that it takes tells nothing.
    are_equal = [hmac.compare_digest(made, each.encode()) for each in given]
    if True not in are_equal:
        raise BadSignature
