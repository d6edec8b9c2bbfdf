"""Cross-selling: which products are bought together more often than chance would have it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import OperationalError, connection

from ingestion.catalogue import sql
from ingestion.models import Product
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import EventName

ORDER = "Order Completed"
DEFAULT_DAYS = 90
MAX_DAYS = 400
# Fewer orders together are chance, and may be one person's.
LEAST_ORDERS = 5
MOST_PAIRS = 200
# Of one order: pairs grow with the square of it.
MOST_PRODUCTS = 100
SECONDS = 10


class ProductName(NamedTuple):
    """A product as pairs name it; `name` is empty where the catalogue does not have it."""

    number: str
    name: str


class ProductPair(NamedTuple):
    """Two products, and how many orders had both, the one, the other, and any product.

    `lift` is how many times more often they come together than they would by chance (1): orders of
    both × all orders / (orders of the one × orders of the other).
    """

    one: ProductName
    other: ProductName
    orders: int
    orders_of_one: int
    orders_of_other: int
    all_orders: int

    @property
    def sides(self) -> tuple[ProductName, ProductName]:
        return self.one, self.other

    @property
    def lift(self) -> Decimal:
        expected = self.orders_of_one * self.orders_of_other
        return (Decimal(self.orders * self.all_orders) / expected).quantize(Decimal("0.01"))

    @property
    def confidence(self) -> Decimal:
        """The share of the orders of the rarer product that had the other, too."""
        rarer = min(self.orders_of_one, self.orders_of_other)
        return (Decimal(self.orders) / rarer).quantize(Decimal("0.001"))


def product_pairs(
    *, now: datetime, number: str | None = None, days: int = DEFAULT_DAYS, event: str = ORDER
) -> Sequence[ProductPair] | None:
    """Return the pairs of orders of the last days, by lift; None where that takes too long.

    `number` keeps those with one product. Orders are events of that name with `products`.
    """
    name = EventName.objects.filter(kind="track", name=event).first()
    if name is None:
        return []
    parameters: dict[str, Any] = {
        "name": name.pk,
        "since": now - timedelta(days=days),
        "now": now,
        "number": number,
        "least": LEAST_ORDERS,
        "most": MOST_PRODUCTS,
        "limit": MOST_PAIRS,
    }
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.PAIRS, parameters)
            rows = cursor.fetchall()
    except OperationalError as error:
        fault_of(error)
        return None
    names = dict(
        Product.objects.filter(
            number__in={number for one, other, *_ in rows for number in (one, other)}
        ).values_list("number", "name")
    )
    return [
        ProductPair(
            ProductName(one, names.get(one, "")), ProductName(other, names.get(other, "")), *counts
        )
        for one, other, *counts in rows
    ]
