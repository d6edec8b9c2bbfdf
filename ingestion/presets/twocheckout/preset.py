"""2Checkout (Verifone): orders, refunds, chargebacks (verifone.cloud/docs/2checkout), as forms."""

import hmac
from datetime import datetime
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl

from ingestion.presets.delivery import BadSignature, Delivery, text_at
from ingestion.presets.presets import Answer, Preset

_SIGNATURES = ("HASH", "SIGNATURE_SHA2_256", "SIGNATURE_SHA3_256")
_DATES = ("SALEDATE", "PAYMENTDATE", "COMPLETE_DATE", "REFUNDDATE")


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the HMAC-SHA256 of all values in their order, each behind its length in bytes.

    The MD5 beside it is not read. It signs no time that is ours; facts have ids of their own.
    """
    fields = _fields(delivery)
    given = next((value for name, value in fields if name == "SIGNATURE_SHA2_256"), "")
    made = _digest(secret, [value for name, value in fields if name not in _SIGNATURES])
    if not hmac.compare_digest(made.encode(), given.lower().encode()):
        raise BadSignature


def _answer(delivery: Delivery, secret: str, now: datetime) -> Answer:
    """Return the receipt without which 2Checkout sends again."""
    fields: dict[str, str] = {}
    for name, value in _fields(delivery):
        fields.setdefault(name, value)
    date = now.strftime("%Y%m%d%H%M%S")
    names = ("IPN_PID[]", "IPN_PNAME[]", "IPN_DATE")
    made = _digest(secret, [*(fields.get(name, "") for name in names), date])
    return Answer(f'<sig algo="sha256" date="{date}">{made}</sig>', "text/xml")


def _digest(secret: str, values: list[str]) -> str:
    text = b"".join(str(len(value.encode())).encode() + value.encode() for value in values)
    return hmac.new(secret.encode(), text, "sha256").hexdigest()


def _read(delivery: Delivery) -> Any:
    """Return the fields; those that end in [] are lists. Dates get the zone that is said apart."""
    content: dict[str, Any] = {}
    for name, value in _fields(delivery):
        if name.endswith("[]"):
            content.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            content[name] = value
    zone = text_at(content, "TIMEZONE_OFFSET").removeprefix("GMT").strip()
    for name in _DATES:
        if text := text_at(content, name):
            content[name] = text.replace(" ", "T") + zone
    return content


def _fields(delivery: Delivery) -> list[tuple[str, str]]:
    return parse_qsl(delivery.body.decode(errors="replace"), keep_blank_values=True)


def _with_products(content: Any) -> Any:
    """Return the fields with the products, whose parts are lists side by side."""
    columns = ("IPN_PID", "IPN_PNAME", "IPN_QTY", "IPN_PRICE")
    lists = [value if isinstance(value := content.get(name), list) else [] for name in columns]
    products = [
        {"product_id": number, "name": name, "quantity": quantity, "price": price}
        for number, name, quantity, price in zip_longest(*lists)
    ]
    return {**content, "products": products}


PRESET = Preset(
    key="twocheckout",
    title="2Checkout (Verifone)",
    check=_check,
    read=_read,
    answer=_answer,
    content_of=lambda content: _with_products(content) if isinstance(content, dict) else content,
    kind_of=lambda delivery: text_at(delivery.content, "ORDERSTATUS"),
    is_test=lambda content: text_at(content, "TEST_ORDER") == "1",
    ignored=frozenset({"PENDING", "PAYMENT_AUTHORIZED", "CANCELED", "SUSPECT", "INVALID"}),
)
