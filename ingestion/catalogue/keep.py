"""Keeping the catalogue of products.

Invariant: a change holds for events that come after it. What events say of a product is how it was
when they came.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from ingestion.models import Product
from profiles.lib.database import database_now
from profiles.services import Actor, audited, delete_audited, save_audited

FIELDS = ("name", "category", "price", "cost", "attributes")


class SavedProducts(NamedTuple):
    """How many products were new, changed, and as before."""

    created: int
    changed: int
    unchanged: int


def save_product(product: Product, *, actor: Actor) -> Product:
    """Create or change one product. Raises ValidationError."""
    product.updated_at = database_now()
    save_audited(product, actor=actor, noun="product", key=product.number)
    return product


def save_products(rows: Sequence[Mapping[str, Any]], *, actor: Actor) -> SavedProducts:
    """Create or replace many products, each with its `number`; a later row of a number holds.

    Rows are judged before. The audit has how many they were.
    """
    wanted = {row["number"]: row for row in rows}
    with audited(actor, "catalogue.changed") as deed:
        numbers = sorted(wanted)
        known = Product.objects.select_for_update().order_by("number")
        stored = {product.number: product for product in known.filter(number__in=numbers)}
        made = [_made(wanted[number]) for number in numbers]
        changed = [
            product
            for product in made
            if product.number in stored and not _is_same(product, stored[product.number])
        ]
        created = [product for product in made if product.number not in stored]
        Product.objects.bulk_create(
            [*created, *changed],
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=[*FIELDS, "updated_at"],
        )
        saved = SavedProducts(len(created), len(changed), len(made) - len(created) - len(changed))
        if created or changed:
            counts = {name: [None, count] for name, count in saved._asdict().items()}
            deed.about("catalogue", "products", **counts)
        return saved


def keep_stated(row: Mapping[str, Any], stated_at: datetime | None, *, actor: Actor) -> bool:
    """Create or replace a product as a shop says it; return whether it counts.

    It does not where the shop said something newer. Raises ValidationError.
    """
    Product(**row).clean_fields(exclude=["id", "updated_at", "stated_at"])
    with transaction.atomic():
        newer = Product.objects.select_for_update().filter(number=row["number"])
        if stated_at is not None and newer.filter(stated_at__gt=stated_at).exists():
            return False
        save_products([row], actor=actor)
        Product.objects.filter(number=row["number"]).update(stated_at=stated_at)
    return True


def delete_product(product: Product, *, actor: Actor) -> None:
    """Delete a product. Events that were of it keep what they say."""
    delete_audited(product, actor=actor, noun="product", key=product.number)


def _made(row: Mapping[str, Any]) -> Product:
    return Product(**row, updated_at=database_now())


def _is_same(one: Product, other: Product) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS)
