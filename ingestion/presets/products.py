"""What deliveries of shops say of their products, as the mapping of the tool says.

Invariant: of several deliveries the newest by the shop's own time holds, in whatever order they
come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from profiles.lib import exact_json
from profiles.lib.expressions import evaluate


@dataclass(frozen=True, slots=True)
class ProductMapping:
    """What a product is; all texts are expressions. `time` is that of the product's last change."""

    number: str
    name: str
    time: str
    category: str = ""
    price: str = ""
    cost: str = ""
    attributes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StatedProduct:
    """The fields of a product as a delivery says them, and of when they are, None if unknown."""

    fields: dict[str, Any]
    stated_at: datetime | None


def parse_products(content: Mapping[str, Any]) -> dict[str, ProductMapping]:
    """Parse the mapping of each kind of delivery that is about a product."""
    return {str(kind): ProductMapping(**mapping) for kind, mapping in content.items()}


def map_product(mapping: ProductMapping, content: Any) -> StatedProduct:
    """Return what a delivery says of a product. It is not judged."""
    attributes = {
        name: value
        for name, expression in (mapping.attributes or {}).items()
        if (value := evaluate(expression, content)) not in (None, "", [], {})
    }
    fields = {
        "number": _text(mapping.number, content),
        "name": _text(mapping.name, content)[:255],
        "category": _text(mapping.category, content)[:500],
        "price": evaluate(mapping.price, content) if mapping.price else None,
        "cost": evaluate(mapping.cost, content) if mapping.cost else None,
        "attributes": exact_json.with_floats(attributes),
    }
    return StatedProduct(fields, _moment(evaluate(mapping.time, content)))


def _text(expression: str, content: Any) -> str:
    value = evaluate(expression, content) if expression else None
    return "" if value is None or isinstance(value, dict | list | bool) else str(value).strip()


def _moment(value: Any) -> datetime | None:
    """Return a time with an offset; one without an offset is unknown."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
