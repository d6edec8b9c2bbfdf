"""One delivery of a webhook, and checks of its signature."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
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


def take_unsigned(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check nothing: of a tool that signs nothing, the token of the address is the only proof."""


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
    _compare(made.encode(), delivery.header(header).removeprefix(prefix).lower().encode())


def check_dated(delivery: Delivery, header: str, secret: str, now: datetime) -> None:
    """Check `t=SECONDS,v1=HEX`, an HMAC-SHA256 of the time, a dot and the body, and its age.

    There may be several v1, while a secret is exchanged. Raises BadSignature.
    """
    parts = [part.partition("=") for part in delivery.header(header).split(",")]
    seconds = next((value for name, _, value in parts if name.strip() == "t"), "")
    given = [value.encode() for name, _, value in parts if name.strip() == "v1"]
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        raise BadSignature
    signed = seconds.encode() + b"." + delivery.body
    made = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
    if not any(hmac.compare_digest(made, each) for each in given):
        raise BadSignature
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        raise BadSignature


def check_age(text: str, now: datetime) -> None:
    """Check a signed time in ISO 8601. Raises BadSignature where it is long ago, or none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadSignature from None
    if moment.tzinfo is None or abs(now - moment) > TOLERANCE:
        raise BadSignature


def _compare(made: bytes, given: bytes) -> None:
    if not hmac.compare_digest(made, given):
        raise BadSignature
