"""The catalogue of products: kept, copied into events, asked by segments; what goes together."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.catalogue.copies import may_name_products, with_copies
from ingestion.catalogue.pairs import LEAST_ORDERS, product_pairs
from ingestion.models import Product
from ingestion.services import save_product
from profiles.lib import exact_json
from profiles.models import AuditEntry
from tests.admin import sign_in
from tests.factories import TESTER, make_client, profile_of, send_messages
from tests.system.odd_values import TEXTS, TOKENS
from tests.tries import tries

URL = "/api/v1/products/"
KNIFE = {"id": "P-1", "name": "A knife", "category": "Home > Kitchen > Knives", "price": 20.5}
IN_KITCHEN = {
    "type": "event",
    "name": "Order Completed",
    "operator": "gte",
    "value": 1,
    "where": {
        "type": "any",
        "key": "products",
        "where": {
            "type": "property",
            "key": "catalog.category",
            "operator": "starts_with",
            "value": "Home > Kitchen",
        },
    },
}


def order(user: str, *products: Any, **more: Any) -> dict[str, Any]:
    properties = {"products": list(products)}
    message = {"type": "track", "userId": user, "event": "Order Completed"}
    return {**message, "properties": properties, "timestamp": timezone.now().isoformat(), **more}


@pytest.mark.django_db
def test_a_product_is_kept_changed_and_deleted() -> None:
    client = make_client()
    made = client.post(URL, {**KNIFE, "attributes": {"colour": "black"}}, format="json")
    assert made.status_code == 201
    assert made.json()["price"] == 20.5
    assert client.post(URL, KNIFE, format="json").json()["errors"][0]["path"] == "id"
    address = f"{URL}P-1/"
    changed = client.patch(address, {"price": 22, "cost": None}, format="json")
    assert (changed.json()["price"], changed.json()["name"]) == (22, "A knife")
    [listed] = client.get(URL, {"category": "Home"}).json()["results"]
    assert listed["id"] == "P-1"
    assert client.get(URL, {"colour": "black"}).status_code == 400
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    verbs = AuditEntry.objects.order_by("pk").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith("product")] == [
        "product.created",
        "product.changed",
        "product.deleted",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"price": -1}, "price"),
        ({"price": "much"}, "price"),
        ({"id": "a/b"}, "id"),
        ({"name": ""}, "name"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"text": "x" * 5000}}, "attributes"),
        ({"colour": "black"}, "colour"),
    ],
)
def test_a_wrong_product_is_refused_with_its_path(fields: dict[str, Any], path: str) -> None:
    client = make_client()
    alone = client.post(URL, KNIFE | fields, format="json")
    assert (alone.status_code, alone.json()["errors"][0]["path"]) == (400, path)
    many = client.post(f"{URL}bulk/", {"products": [KNIFE, KNIFE | fields]}, format="json")
    assert many.status_code == 400
    assert many.json()["errors"][0]["path"] == f"products[1].{path}"
    assert not Product.objects.exists()


@pytest.mark.django_db
def test_many_products_are_saved_at_once_and_the_same_again_changes_nothing() -> None:
    client = make_client()
    products = [{"id": f"P-{number}", "name": "A plate", "price": number} for number in range(50)]
    first = client.post(f"{URL}bulk/", {"products": products}, format="json")
    assert first.json() == {"created": 50, "changed": 0, "unchanged": 0}
    products[3] |= {"price": 99}
    products.append({"id": "P-50", "name": "A cup"})
    again = client.post(f"{URL}bulk/", {"products": products}, format="json")
    assert again.json() == {"created": 1, "changed": 1, "unchanged": 49}
    assert Product.objects.get(number="P-3").price == 99


@pytest.mark.django_db
def test_what_may_be_done_depends_on_the_scope() -> None:
    reader, sender = make_client("profiles:read"), make_client("events:write")
    assert reader.get(URL).status_code == sender.post(URL, KNIFE, format="json").status_code - 1
    assert reader.post(URL, KNIFE, format="json").status_code == 403
    assert sender.get(URL).status_code == 403


@pytest.mark.django_db
def test_events_have_what_the_catalogue_said_when_they_came() -> None:
    client = make_client()
    client.post(URL, {**KNIFE, "cost": 8}, format="json")
    client.post(URL, {"id": "1234", "name": "A pan"}, format="json")
    basket = [{"product_id": "P-1", "price": 18}, {"sku": 1234}, {"product_id": "P-9"}, "P-1"]
    send_messages(order("42", *basket), {**order("42"), "event": "Product Viewed"})
    viewed = {"type": "track", "userId": "42", "event": "Product Viewed"}
    send_messages({**viewed, "properties": {"product_id": "P-1"}})
    client.patch(f"{URL}P-1/", {"price": 30}, format="json")
    ada = profile_of("user_id:42")
    results = client.get(f"/api/v1/profiles/{ada.uuid}/events/").json()["results"]
    [told] = [each for each in results if each["name"] == "Order Completed"]
    knife = {"name": "A knife", "category": KNIFE["category"], "price": 20.5, "cost": 8}
    assert told["properties"]["products"] == [
        {"product_id": "P-1", "price": 18, "catalog": knife},
        {"sku": 1234, "catalog": {"name": "A pan"}},
        {"product_id": "P-9"},
        "P-1",
    ]
    views = [each["properties"] for each in results if each["name"] == "Product Viewed"]
    assert {"product_id": "P-1", "catalog": knife} in views


@pytest.mark.django_db
def test_a_segment_asks_for_a_branch_of_the_catalogue() -> None:
    client = make_client()
    client.post(URL, KNIFE, format="json")
    client.post(URL, {"id": "P-2", "name": "A chair", "category": "Home > Chairs"}, format="json")
    send_messages(order("1", {"product_id": "P-1"}), order("2", {"product_id": "P-2"}))
    answer = client.post("/api/v1/segments/preview/", {"definition": IN_KITCHEN}, format="json")
    assert answer.json()["size"] == 1


@settings(max_examples=tries(200), deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["product_id", "products", "sku", "a"]), inner)
        ),
        max_leaves=8,
    ).filter(lambda value: isinstance(value, dict))
)
def test_properties_of_any_shape_get_copies_and_lose_nothing(properties: Any) -> None:
    text = exact_json.dumps(properties)
    copied = exact_json.loads(with_copies(text, {"1": {"name": "A knife"}}))
    listed = copied.get("products")
    for element in (copied, *(listed if isinstance(listed, list) else ())):
        if isinstance(element, dict):
            element.pop("catalog", None)
    assert copied == exact_json.loads(text)
    assert with_copies(text, {}) == text
    names = '"product_id"' in text or '"sku"' in text or '"products"' in text
    assert may_name_products(text) or not names


def naive_pairs(baskets: list[list[str]]) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Count pairs of each basket one by one."""
    sets = [set(basket) for basket in baskets if basket]
    alone = Counter(number for basket in sets for number in basket)
    both = Counter(pair for basket in sets for pair in combinations(sorted(basket), 2))
    return {
        (one, other): (count, alone[one], alone[other], len(sets))
        for (one, other), count in both.items()
        if count >= LEAST_ORDERS
    }


@pytest.mark.django_db
@settings(max_examples=tries(10), deadline=None)
@given(st.lists(st.lists(st.sampled_from("aBcdE"), max_size=4), min_size=5, max_size=25))
def test_pairs_are_those_of_a_naive_count(baskets: list[list[str]]) -> None:
    with transaction.atomic():
        send_messages(
            *(
                order(f"u-{place}", *({"product_id": number} for number in basket))
                for place, basket in enumerate(baskets)
            )
        )
        pairs = product_pairs(now=timezone.now() + timedelta(minutes=1))
        assert pairs is not None
        counted = {
            (pair.one.number, pair.other.number): (
                pair.orders,
                pair.orders_of_one,
                pair.orders_of_other,
                pair.all_orders,
            )
            for pair in pairs
        }
        assert counted == naive_pairs(baskets)
        assert [pair.lift for pair in pairs] == sorted((p.lift for p in pairs), reverse=True)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_the_api_tells_pairs_of_a_product_and_of_some_days() -> None:
    client = make_client()
    client.post(URL, KNIFE, format="json")
    both = ({"product_id": "P-1"}, {"product_id": "P-2"})
    others = ({"product_id": "P-3"}, {"product_id": "P-4"})
    long_ago = (datetime.now(UTC) - timedelta(days=200)).isoformat()
    send_messages(
        *(order(f"u-{place}", *both) for place in range(6)),
        *(order(f"u-{place}", *others) for place in range(6)),
        *(order(f"u-{place}", *both, timestamp=long_ago) for place in range(3)),
    )
    [pair] = client.get(f"{URL}pairs/", {"product": "P-2"}).json()["results"]
    assert pair["one"] == {"id": "P-1", "name": "A knife"}
    assert (pair["orders"], pair["lift"], pair["confidence"]) == (6, 2, 1)
    assert len(client.get(f"{URL}pairs/").json()["results"]) == 2
    wide = client.get(f"{URL}pairs/", {"product": "P-1", "days": 400}).json()["results"]
    assert wide[0]["orders"] == 9
    for days in ("0", "401", "x"):
        refused = client.get(f"{URL}pairs/", {"days": days})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "days")
    assert client.get(f"{URL}pairs/", {"colour": "x"}).status_code == 400


@pytest.mark.django_db
def test_staff_keep_products_and_see_what_goes_together() -> None:
    client = sign_in("steward")
    form = {"number": "P-1", "name": "A knife", "category": "Home", "price": "20", "cost": ""}
    url = reverse("admin:ingestion_product_add")
    assert client.post(url, {**form, "attributes": "{}"}).status_code == 302
    product = Product.objects.get()
    page = reverse("admin:ingestion_product_change", args=[product.pk])
    changed = {**form, "name": "A good knife", "attributes": "{}"}
    assert client.post(page, changed).status_code == 302
    product.refresh_from_db()
    assert (product.name, product.price) == ("A good knife", Decimal(20))
    send_messages(*(order("1", {"product_id": "P-1"}, {"product_id": "P-2"}) for _ in range(5)))
    pairs = client.get(reverse("admin:ingestion_product_pairs"), {"product": "P-1"})
    assert "A good knife" in pairs.content.decode()
    assert sign_in("marketer").post(page, changed).status_code == 403
    with pytest.raises(ValidationError, match="number"):
        save_product(Product(number="P-1", name="Another"), actor=TESTER)


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*TEXTS, *TOKENS], ids=range(len(TEXTS) + len(TOKENS)))
def test_attributes_are_an_object_of_json_or_refused_in_the_form(text: str) -> None:
    client = sign_in("steward")
    form = {"number": "P-1", "name": "A knife", "category": "Home", "price": "20", "cost": ""}
    attributes = f'{{"size": {text}}}'.encode(errors="surrogatepass")
    answer = client.post(
        reverse("admin:ingestion_product_add"),
        urlencode({**form, "attributes": attributes}),
        content_type="application/x-www-form-urlencoded",
    )
    is_kept = answer.status_code == 302
    assert is_kept or answer.status_code == 200
    assert Product.objects.exists() == is_kept


@pytest.mark.django_db
@pytest.mark.parametrize("blank", ["", " ", "null"])
def test_attributes_left_blank_in_the_form_are_none_at_all(blank: str) -> None:
    form = {"number": "P-1", "name": "A knife", "category": "Home", "price": "20", "cost": ""}
    answer = sign_in("steward").post(
        reverse("admin:ingestion_product_add"), {**form, "attributes": blank}
    )
    # A blank sign is no JSON; the rest is nothing.
    assert answer.status_code == (200 if blank == " " else 302)
    assert all(product.attributes == {} for product in Product.objects.all())
