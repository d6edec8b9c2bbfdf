"""What orders came to, kept under a digest of their reference for the refunds that come later."""

import hmac
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from ingestion.models import OrderAmounts
from ingestion.presets.mapping import HookMessage, Sold
from profiles.lib.database import database_now

# A charge can be disputed 540 days after its delivery, by the rules of the card networks.
AMOUNTS_KEPT = timedelta(days=730)
_DIGITS = 10
_MOST = Decimal(10) ** 20


def keep_amounts(source_id: int, messages: list[HookMessage]) -> None:
    """Keep what the orders of messages came to; of one that is told again, what was said first."""
    rows = [
        OrderAmounts(
            source_id=source_id, digest=_digest(message.order), goods=sold.goods, total=sold.total
        )
        for message in messages
        if message.order and (sold := _sold(message.content.get("properties")))
    ]
    OrderAmounts.objects.bulk_create(rows, ignore_conflicts=True)


def find_amounts(source_id: int, reference: str) -> Sold | None:
    """Return what an order came to, None where it is not known."""
    amounts = OrderAmounts.objects.filter(source_id=source_id, digest=_digest(reference)).first()
    return Sold(amounts.goods, amounts.total) if amounts else None


def prune_amounts() -> None:
    """Delete amounts of orders whose charges nobody can dispute any more."""
    OrderAmounts.objects.filter(recorded_at__lt=database_now() - AMOUNTS_KEPT).delete()


def _sold(properties: Any) -> Sold | None:
    goods, total = (_amount(properties, name) for name in ("revenue", "total"))
    return None if goods is None or not total else Sold(goods, total)


def _amount(properties: Any, name: str) -> Decimal | None:
    try:
        value = Decimal(properties[name])
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return None
    return round(value, _DIGITS) if value.is_finite() and abs(value) < _MOST else None


def _digest(reference: str) -> str:
    key = settings.DEDUPLICATION_KEY.encode()
    return hmac.new(key, f"order\n{reference}".encode(), "sha256").hexdigest()
