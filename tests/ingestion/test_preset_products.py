"""Products that shops tell by their webhooks: kept, in whatever order they come, and judged."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.test import Client

from ingestion.models import DroppedCount, Product
from ingestion.presets.presets import load_kinds, load_preset, load_products, preset_keys
from ingestion.services import register_hook, save_product
from profiles.lib import exact_json
from profiles.lib.expressions import compiled
from profiles.models import AuditEntry, Event, Profile
from tests.factories import TESTER
from tests.ingestion.hook_signatures import SECRET, SIGNED_BY

pytestmark = pytest.mark.django_db
# As the pages of the tools' webhooks have them.
SHOPIFY = {
    "id": 788032119674292922,
    "title": "Example T-Shirt",
    "vendor": "Acme",
    "product_type": "Shirts",
    "status": "active",
    "tags": "mens t-shirt example",
    "updated_at": "2026-03-01T10:00:00-05:00",
    "variants": [{"id": 642667041472713922, "price": "19.00", "sku": "example-shirt-s"}],
}
WOOCOMMERCE = {
    "id": 799,
    "name": "Ship Your Idea",
    "sku": "idea-1",
    "price": "21.99",
    "status": "publish",
    "date_modified_gmt": "2026-03-01T15:00:00",
    "categories": [{"id": 9, "name": "Clothing"}, {"id": 14, "name": "T-shirts"}],
    "tags": [{"id": 1, "name": "new"}],
}
TOPICS = {"shopify": "X-Shopify-Topic", "woocommerce": "X-WC-Webhook-Topic"}


def deliver(client: Client, address: str, tool: str, kind: str, content: Any) -> Any:
    body = exact_json.dumps(content).encode()
    headers = SIGNED_BY[tool](body, datetime.now(UTC)) | {TOPICS[tool]: kind}
    answer = client.post(address, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    return answer.json()


def make_hook(tool: str) -> str:
    source, token = register_hook(tool, preset=tool, secret=SECRET, actor=TESTER)
    return f"/hooks/{source.key}/{token}/"


def test_a_product_of_each_shop_is_kept_once(client: Client) -> None:
    for tool, kind, content in (
        ("shopify", "products/create", SHOPIFY),
        ("woocommerce", "product.updated", WOOCOMMERCE),
    ):
        address = make_hook(tool)
        for _ in range(2):
            assert deliver(client, address, tool, kind, content)["messages"] == 0
    shirt = Product.objects.get(number="788032119674292922")
    assert (shirt.name, shirt.category, shirt.price) == ("Example T-Shirt", "Shirts", 19)
    tags = "mens t-shirt example"
    assert shirt.attributes == {"vendor": "Acme", "status": "active", "tags": tags}
    idea = Product.objects.get(number="799")
    assert (idea.name, idea.category, idea.price) == (
        "Ship Your Idea",
        "Clothing",
        Decimal("21.99"),
    )
    assert idea.attributes == {"sku": "idea-1", "status": "publish", "tags": ["new"]}
    assert idea.stated_at == datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert AuditEntry.objects.filter(verb="catalogue.changed").count() == 2
    assert not Event.objects.exists()
    assert not Profile.objects.exists()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_by_the_shop_s_time_holds_in_any_order(
    client: Client, order: tuple[int, ...]
) -> None:
    address = make_hook("shopify")
    for hour in order:
        price = [{"price": f"{10 + hour}.00"}]
        content = SHOPIFY | {"updated_at": f"2026-03-01T1{hour}:00:00Z", "variants": price}
        deliver(client, address, "shopify", "products/update", content)
    assert Product.objects.get().price == 12


def test_what_staff_said_meanwhile_is_replaced_by_what_is_newer_alone(client: Client) -> None:
    address = make_hook("shopify")
    deliver(client, address, "shopify", "products/create", SHOPIFY)
    product = Product.objects.get()
    product.name = "By staff"
    save_product(product, actor=TESTER)
    older = SHOPIFY | {"updated_at": "2026-02-01T10:00:00Z", "title": "Old"}
    deliver(client, address, "shopify", "products/update", older)
    assert Product.objects.get().name == "By staff"
    newer = SHOPIFY | {"updated_at": "2026-04-01T10:00:00Z", "title": "New"}
    deliver(client, address, "shopify", "products/update", newer)
    assert Product.objects.get().name == "New"


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "a/b"},
        {"title": None},
        {"title": ["x"]},
        {"variants": [{"price": "-1"}]},
        {"variants": [{"price": "1.23456789"}]},
        {"tags": "x" * 5_000},
    ],
)
def test_what_the_catalogue_cannot_keep_is_counted(client: Client, change: dict[str, Any]) -> None:
    deliver(client, make_hook("shopify"), "shopify", "products/create", SHOPIFY | change)
    assert not Product.objects.exists()
    assert list(DroppedCount.objects.values_list("reason", "count")) == [("wrong_product", 1)]


def test_kinds_about_products_are_no_other_kinds_and_their_expressions_are_some() -> None:
    with_products = set()
    for tool in preset_keys():
        for kind, mapping in load_products(tool).items():
            with_products.add(tool)
            assert kind not in load_kinds(tool)
            assert kind not in load_preset(tool).ignored
            texts = (mapping.number, mapping.name, mapping.category, mapping.price, mapping.time)
            for expression in [*texts, *(mapping.attributes or {}).values()]:
                compiled(expression)
    assert with_products == {"shopify", "woocommerce"}
