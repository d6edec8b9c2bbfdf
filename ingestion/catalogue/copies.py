"""What the catalogue says of the products of an event, copied into the event as it is drained.

So segments, profiles and figures read it like any property, and a price that changes later changes
no past. It lies under `catalog`: of each element of `products`, and of an event about one product
beside its `product_id`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ingestion.models import Product
from profiles.lib import exact_json

# Of one event. A basket of more is no basket.
MAX_PRODUCTS = 500
_NAMES = ("product_id", "sku")
Copies = Mapping[str, Mapping[str, Any]]


def may_name_products(properties: str) -> bool:
    """Whether the text of an event's properties may name a product, without decoding it."""
    return '"product' in properties or '"sku"' in properties or "\\" in properties


def read_copies(texts: Iterable[str]) -> Copies:
    """Return what the catalogue says of the products that texts of properties name, by number."""
    if not Product.objects.exists():
        # Without a catalogue no text is decoded for it.
        return {}
    numbers = {
        number
        for text in texts
        if may_name_products(text)
        for element in _elements(exact_json.loads(text))
        if (number := _number(element))
    }
    if not numbers:
        return {}
    return {
        product.number: _copy(product) for product in Product.objects.filter(number__in=numbers)
    }


def with_copies(properties: str, copies: Copies) -> str:
    """Return the text of properties with what the catalogue says; unchanged if it says nothing."""
    if not copies or not may_name_products(properties):
        return properties
    content = exact_json.loads(properties)
    is_changed = False
    for element in _elements(content):
        if copy := copies.get(_number(element)):
            element["catalog"] = dict(copy)
            is_changed = True
    return exact_json.dumps(content) if is_changed else properties


def _elements(content: Any) -> list[dict[str, Any]]:
    """Return the objects of an event that may be products: itself, and those of its list."""
    listed = content.get("products") if isinstance(content, dict) else None
    elements = listed[:MAX_PRODUCTS] if isinstance(listed, list) else []
    return [each for each in (content, *elements) if isinstance(each, dict)]


def _number(element: Mapping[str, Any]) -> str:
    """Return the number by which an object names a product, "" if it names none."""
    for name in _NAMES:
        value = element.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return ""


def _copy(product: Product) -> dict[str, Any]:
    """Return what is copied, without what is not known."""
    texts = {"name": product.name, "category": product.category}
    amounts = {"price": product.price, "cost": product.cost}
    copied: dict[str, Any] = {name: text for name, text in texts.items() if text}
    # Without an exponent, as events write amounts.
    copied |= {
        name: Decimal(f"{amount.normalize():f}")
        for name, amount in amounts.items()
        if amount is not None
    }
    return copied | ({"attributes": product.attributes} if product.attributes else {})
