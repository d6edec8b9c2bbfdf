"""The registry: what messages are made of, counted once, without a value of anybody."""

import json
from collections import defaultdict
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.drain.schema import SAMPLED_OF_SUBJECT
from profiles.lib.database import database_now
from profiles.models import (
    SchemaKey,
    SchemaKeyDay,
    SchemaTally,
    SchemaVolume,
    Source,
    TraitDefinition,
)
from profiles.schema.shapes import plain_name, shape_of
from profiles.services import (
    Review,
    fold_tallies,
    frequent_values,
    load_categories,
    review_properties,
    with_figures,
    with_trait_figures,
)
from tests.factories import TESTER
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db


def bought(number: int, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": f"u{number}",
        "event": "Bought",
        "messageId": f"m{number}-{hash(json.dumps(properties))}",
        "properties": properties,
    }


def keys(part: str = "property") -> dict[str, SchemaKey]:
    fold_tallies()
    rows = SchemaKey.objects.filter(part=part)
    return {row.path: row for row in with_figures(rows, now=database_now())}


def test_each_property_has_its_types_share_and_times(shop: Source, send: Send) -> None:
    send(bought(1, size="M", price=2, at="2026-03-01"), bought(2, size=41, paid=True))
    found = keys()
    assert {path: row.types for path, row in found.items()} == {
        "size": {"text": 1, "number": 1},
        "price": {"number": 1},
        "at": {"date": 1},
        "paid": {"boolean": 1},
    }
    assert {path: row.fill for path, row in found.items()} == {
        "size": 1,
        "price": 0.5,
        "at": 0.5,
        "paid": 0.5,
    }
    first = found["size"].first_seen_at
    send(bought(3, size="L"))
    later = keys()["size"]
    assert later.first_seen_at == first < later.last_seen_at
    assert later.types == {"text": 2, "number": 1}
    assert (later.messages, later.volume) == (3, 3)


def test_properties_of_events_are_apart_by_event_and_in_lists(shop: Source, send: Send) -> None:
    send(
        bought(1, products=[{"price": 1, "tags": ["a"]}, {"price": None}]),
        {"type": "page", "userId": "u1", "name": "Home", "properties": {"price": "x"}},
    )
    fold_tallies()
    rows = SchemaKey.objects.filter(part="property").values_list("name__name", "path")
    assert set(rows) == {
        ("Bought", "products"),
        ("Bought", "products[].price"),
        ("Bought", "products[].tags"),
        ("Home", "price"),
    }
    assert SchemaKey.objects.get(path="products[].price").types == {"number": 1, "null": 1}


def test_values_of_the_context_that_ten_people_have_are_shown_once_it_is_reviewed(
    shop: Source, send: Send
) -> None:
    send(
        *(
            {
                "type": "track",
                "userId": f"u{number}",
                "event": "Opened",
                "context": {"os": {"name": "iOS" if number < 10 else "Rare"}},
            }
            for number in range(12)
        )
    )
    fold_tallies()
    key = SchemaKey.objects.get(part="context", path="os.name")
    assert frequent_values(key) == []
    for reviewed in SchemaKey.objects.filter(part="context", path__in=["os", "os.name"]):
        review_properties([reviewed.uuid], Review(category="ordinary"), actor=TESTER)
    key.refresh_from_db()
    assert [(each.value, each.people) for each in frequent_values(key)] == [("iOS", 10)]


def test_traits_and_the_context_are_counted_too(shop: Source, send: Send) -> None:
    context = {"device": {"type": "ios"}, "traits": {"city": "Lyon"}}
    send({"type": "identify", "userId": "u1", "traits": {"age": 3}, "context": context})
    assert "age" in keys("trait")
    assert {"device", "device.type"} <= set(keys("context"))
    rows = with_trait_figures(TraitDefinition.objects.filter(key="age"), now=database_now())
    assert (rows[0].types, rows[0].fill) == ({"number": 1}, 1)


def test_a_repeat_and_a_rejected_message_are_not_counted(shop: Source, send: Send) -> None:
    send(bought(1, size="M"))
    send(bought(1, size="M"))
    send({"type": "track", "event": "Bought", "properties": {"nobody": 1}})
    assert set(keys()) == {"size"}
    assert SchemaVolume.objects.get(part="property").messages == 1


def test_of_many_messages_all_are_counted_and_a_sample_is_looked_into(
    shop: Source, send: Send
) -> None:
    send(*(bought(number, size=number) for number in range(200)))
    row = keys()["size"]
    volume = SchemaVolume.objects.get(part="property")
    assert volume.messages == 200
    assert 0 < volume.sampled <= SAMPLED_OF_SUBJECT
    assert (row.fill, row.volume) == (1, 200)


def test_a_fold_that_is_broken_off_counts_nothing(shop: Source, send: Send) -> None:
    send(bought(1, size="M"))

    with transaction.atomic():
        assert fold_tallies() == 1
        transaction.set_rollback(True)
    assert SchemaTally.objects.exists()
    assert not SchemaKey.objects.exists()
    assert keys()["size"].types == {"text": 1}
    assert fold_tallies() == 0
    assert sum(SchemaKeyDay.objects.values_list("seen", flat=True)) == 1


def test_no_value_is_kept_even_where_it_became_a_name(shop: Source, send: Send) -> None:
    send(
        bought(
            1,
            **{
                "ada@example.org": {"+33612345678": 1},
                "1f3870be-274f-4c49-b3e3-1a2b3c4d5e6f": "Lovelace",
                "mail": "ada@example.org",
            },
        )
    )
    kept = repr([*SchemaTally.objects.values_list("content", flat=True)])
    assert set(keys()) == {"*", "*.*", "mail"}
    kept += repr(list(SchemaKey.objects.values()))
    for value in ("ada@", "33612345678", "1f3870be", "Lovelace"):
        assert value not in kept


def test_a_sender_cannot_fill_the_registry(shop: Source, send: Send) -> None:
    for start in range(0, 600, 60):
        names = (f"n{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(start, start + 60))
        send(bought(start, **dict.fromkeys(names, 1)))
    assert len(keys()) == 300


def test_what_is_reviewed_decides_what_staff_see(shop: Source, send: Send) -> None:
    send(bought(1, size="M", ward="7"))
    found = keys()
    assert not load_categories().is_part_shown("size")
    review_properties([found["size"].uuid], Review(category="ordinary"), actor=TESTER)
    review_properties([found["ward"].uuid], Review(category="special"), actor=TESTER)
    categories = load_categories()
    assert categories.is_part_shown("size")
    assert categories.of_part("ward") == categories.of_property("ward") == "special"
    # A trait of this name is another thing, which nobody looked at.
    assert not categories.is_shown("size")


def test_values_are_shown_of_what_is_reviewed_and_ten_people_have(shop: Source, send: Send) -> None:
    rows = [bought(number, size="M", mail=f"a{number}@example.org") for number in range(10)]
    busy = [{**bought(99, size="S"), "messageId": f"busy{number}"} for number in range(12)]
    send(*rows, *busy, *(bought(n, size="L", mail="x@example.org") for n in range(20, 29)))
    found = keys()
    assert frequent_values(found["size"]) == []
    ids = [found["size"].uuid, found["mail"].uuid]
    size, mail = review_properties(ids, Review(category="ordinary"), actor=TESTER)
    assert [(each.value, each.people) for each in frequent_values(size)] == [("M", 10)]
    send(*(bought(n, mail="x@example.org") for n in range(30, 45)))
    assert frequent_values(mail) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab 1é", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b b", "7", "é", "x@y.zz"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def naive(content: dict[str, Any]) -> dict[str, set[str]]:
    """The shape by flattening everything, deeper than four steps left out afterwards."""
    result: dict[str, set[str]] = defaultdict(set)
    todo: list[tuple[str, Any, int]] = [("", content, 0)]
    while todo:
        path, value, depth = todo.pop()
        if path and not path.endswith("[]"):
            kind = {type(None): "null", bool: "boolean", int: "number", str: "text"}
            result[path].add(kind.get(type(value), "list" if isinstance(value, list) else "object"))
        if isinstance(value, dict) and depth < 4:
            for name, inner in value.items():
                step = plain_name(name)
                todo.append((f"{path}.{step}" if path else step, inner, depth + 1))
        elif isinstance(value, list) and path and not path.endswith("[]"):
            todo += [(f"{path}[]", item, depth) for item in value[:3] if isinstance(item, dict)]
    return result


@given(st.dictionaries(st.sampled_from(["a", "c", "12345"]), json_values, max_size=4))
@settings(max_examples=tries(300))
def test_shapes_agree_with_flattening(content: dict[str, Any]) -> None:
    assert shape_of(content) == naive(content)
