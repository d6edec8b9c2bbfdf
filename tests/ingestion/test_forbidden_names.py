"""Forbidden names: what stands under one is never stored, wherever it comes."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.admin.words import reason_in_words
from ingestion.file_rows import Refusal, cells_of, keep_refused
from ingestion.forbidden_names import MAX_NAMES
from ingestion.inbox.body import unpack_message
from ingestion.messages import Forbidden
from ingestion.models import (
    DroppedCount,
    FileImport,
    ForbiddenName,
    RecentMessage,
    RefusedRow,
    RejectedMessage,
)
from ingestion.services import (
    Operation,
    Verb,
    forbid_name,
    mend_message,
    mend_messages,
    permit_name,
    save_plan,
)
from profiles.lib import exact_json
from profiles.models import AuditEntry, Event, Identifier, Source
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_source, make_write_key, profile_of
from tests.ingestion.conftest import Send
from tests.tries import tries

SECRET = "078-05-1120"


def forbid(*names: str) -> None:
    for name in names:
        forbid_name(ForbiddenName(name=name), actor=TESTER)


def counted() -> int:
    rows = DroppedCount.objects.filter(reason="forbidden_name")
    return sum(rows.values_list("count", flat=True))


def person(**more: Any) -> dict[str, Any]:
    return {"userId": "7", **more}


VARIANTS: dict[str, tuple[dict[str, Any], int]] = {
    "trait": (person(type="identify", traits={"ssn": SECRET, "city": "Lyon"}), 1),
    "nested in traits": (
        person(type="identify", traits={"papers": {"list": [{"ssn": SECRET}, {"ssn": SECRET}]}}),
        2,
    ),
    "traits of the context": (person(type="identify", context={"traits": {"ssn": SECRET}}), 1),
    "traits of the context of an event": (
        person(type="track", event="Seen", context={"traits": {"a": {"ssn": SECRET}}}),
        1,
    ),
    "property": (person(type="track", event="Seen", properties={"ssn": SECRET}), 1),
    "nested in properties": (
        person(type="track", event="Seen", properties={"products": [{"ssn": {"deep": SECRET}}]}),
        1,
    ),
    "property of a page": (person(type="page", name="Home", properties={"ssn": SECRET}), 1),
    "group trait": (person(type="group", groupId="g", traits={"ssn": SECRET, "x": {"ssn": 1}}), 2),
}


@pytest.mark.django_db
@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_under_a_forbidden_name_is_stored_and_it_is_counted(
    shop: Source, send: Send, variant: str
) -> None:
    message, count = VARIANTS[variant]
    forbid("ssn")
    answer = send(message)
    assert (answer.status_code, answer.headers.get("X-Rejected", "0")) == (200, "0")
    profile = profile_of("user_id:7")
    kept = [profile.traits, *Event.objects.values_list("properties", "context")]
    bodies = [unpack_message(each.body) for each in RecentMessage.objects.all()]
    assert bodies
    assert "ssn" not in repr(kept)
    assert SECRET not in repr((kept, bodies))
    assert counted() == count


@pytest.mark.django_db
def test_a_name_of_another_case_and_what_stands_beside_it_stay(shop: Source, send: Send) -> None:
    forbid("ssn")
    traits = {"SSN": "a", "ssn_known": "b", "note": "ssn", "ssn": SECRET}
    send(person(type="identify", traits=traits))
    assert profile_of("user_id:7").traits == {"SSN": "a", "ssn_known": "b", "note": "ssn"}
    assert counted() == 1
    row = DroppedCount.objects.get(reason="forbidden_name")
    assert row.source == shop
    assert reason_in_words("forbidden_name") == "values under forbidden names"


@pytest.mark.django_db
def test_a_forbidden_address_is_no_identifier_either(shop: Source, send: Send) -> None:
    forbid("email")
    send(person(type="identify", traits={"email": "ada@example.org"}))
    assert not Identifier.objects.filter(namespace="email").exists()


@pytest.mark.django_db
def test_what_the_messages_of_a_batch_share_is_cut_too(shop: Source, send: Send) -> None:
    forbid("ssn")
    shared = {"context": {"traits": {"ssn": SECRET}, "app": {"name": "x"}}}
    send(
        person(type="identify", traits={"city": "Lyon"}),
        person(type="track", event="Seen"),
        {"type": "track", "event": "Seen"},
        envelope=shared,
    )
    assert profile_of("user_id:7").traits == {"city": "Lyon"}
    assert Event.objects.get().context == {"app": {"name": "x"}, "traits": {}}
    assert SECRET not in repr(unpack_message(RejectedMessage.objects.get().body))
    assert counted() == 2


@pytest.mark.django_db
def test_a_rejected_message_is_kept_without_it(shop: Source, send: Send) -> None:
    forbid("ssn")
    send(
        {"type": "track", "event": "Seen", "properties": {"ssn": SECRET, "by": 1}},
        {"type": "nonsense", "userId": "7", "traits": {"ssn": SECRET}},
    )
    bodies = [unpack_message(each.body) for each in RejectedMessage.objects.order_by("place")]
    assert len(bodies) == 2
    assert SECRET not in repr(bodies)
    assert json.loads(bodies[0])["properties"] == {"by": 1}


@pytest.mark.django_db
def test_a_plan_judges_what_is_left(shop: Source, send: Send) -> None:
    forbid("ssn")
    schema = {"additionalProperties": False, "properties": {"at": {}}}
    plan = {"policy": "refuse", "events": {"Seen": {"schema": schema}}}
    save_plan(shop, plan, actor=TESTER)
    answer = send(
        person(type="track", event="Seen", properties={"ssn": SECRET, "at": 1}),
        query="?strict=1",
    )
    assert answer.status_code == 200
    assert Event.objects.get().properties == {"at": 1}


@pytest.mark.django_db
def test_a_name_is_permitted_again(shop: Source, send: Send) -> None:
    forbid("ssn")
    permit_name(ForbiddenName.objects.get(), actor=TESTER)
    send(person(type="identify", traits={"ssn": "1"}))
    assert profile_of("user_id:7").traits == {"ssn": "1"}
    verbs = AuditEntry.objects.filter(object_type="forbidden_name").order_by("at")
    assert list(verbs.values_list("verb", flat=True)) == [
        "forbidden_name.created",
        "forbidden_name.deleted",
    ]


@pytest.mark.django_db
def test_names_are_compared_in_one_form_and_are_bounded(shop: Source, send: Send) -> None:
    forbid("e\N{COMBINING ACUTE ACCENT}tat")
    send(person(type="identify", traits={"\N{LATIN SMALL LETTER E WITH ACUTE}tat": "1"}))
    assert profile_of("user_id:7").traits == {}
    ForbiddenName.objects.bulk_create(
        ForbiddenName(name=f"name {number}") for number in range(MAX_NAMES - 1)
    )
    with pytest.raises(ValidationError):
        forbid("one more")


@pytest.mark.django_db
def test_staff_forbid_and_permit_names() -> None:
    client = sign_in("privacy officer")
    add = reverse("admin:ingestion_forbiddenname_add")
    assert client.post(add, {"name": "ssn"}).status_code == 302
    assert client.post(add, {"name": "ssn"}).status_code == 200
    forbidden = ForbiddenName.objects.get()
    gone = reverse("admin:ingestion_forbiddenname_delete", args=[forbidden.pk])
    assert sign_in("marketer").post(gone, {"post": "yes"}).status_code == 403
    assert client.post(gone, {"post": "yes"}).status_code == 302
    assert not ForbiddenName.objects.exists()


KEYS = st.sampled_from(["ssn", "SSN", 'a"b', "a/b", "é", "city"])
JSON = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PARTS = st.dictionaries(st.sampled_from(["traits", "properties", "userId"]), JSON, max_size=3)


def has_name(value: Any, names: set[str]) -> bool:
    if isinstance(value, dict):
        return any(key in names or has_name(inner, names) for key, inner in value.items())
    return isinstance(value, list) and any(has_name(inner, names) for inner in value)


@settings(max_examples=tries(300), deadline=None)
@given(PARTS, JSON, st.sets(KEYS), st.booleans())
def test_a_text_is_cut_however_it_is_spelled(
    parts: dict[str, Any], traits: Any, names: set[str], escapes: bool
) -> None:
    whole = {**parts, "context": {"traits": traits}, "other": {"ssn": 1}}
    text = json.dumps(whole, ensure_ascii=escapes)
    raw = (text.replace("/", "\\/") if escapes else text).encode()
    cut, count = Forbidden.of(names).cut(exact_json.storable(raw))
    left = json.loads(cut)
    places = {name: whole[name] for name in ("traits", "properties") if name in whole}
    places["context"] = traits
    assert bool(count) == has_name(places, names)
    kept = [left.get("traits"), left.get("properties"), left["context"]["traits"]]
    assert not has_name(kept, names)
    assert left["other"] == {"ssn": 1}
    assert count or cut == exact_json.storable(raw)


def test_what_cannot_be_read_and_has_the_name_is_kept_empty() -> None:
    forbidden = Forbidden.of(["ssn"])
    assert forbidden.kept(b'{"traits": {"ssn": "1",}}') == b"{}"
    assert forbidden.kept(b'{"traits": {"city": "1",}}') == b'{"traits": {"city": "1",}}'
    assert forbidden.kept(b'{"traits": {"ssn": 1e999, "a": 1e999}}') == b'{"traits":{"a":1e999}}'
    assert forbidden.kept(b'{"traits": {"\\u0073sn": 1}}') == b'{"traits":{}}'


@pytest.mark.django_db
def test_a_name_may_be_forbidden_of_one_source_alone(shop: Source, send: Send) -> None:
    crm = make_source(key="crm")
    forbid_name(ForbiddenName(name="ssn", source=crm), actor=TESTER)
    forbid_name(ForbiddenName(name="iban", source=shop), actor=TESTER)
    forbid("pin")
    everything = {"ssn": 1, "iban": 2, "pin": 3}
    send(person(type="identify", traits=everything))
    assert profile_of("user_id:7").traits == {"ssn": 1}
    send(person(type="identify", traits=everything), key=make_write_key(crm))
    assert profile_of("user_id:7").traits == {"ssn": 1, "iban": 2}


@pytest.mark.django_db
def test_names_are_forbidden_and_permitted_by_api_with_an_entry(shop: Source) -> None:
    client, route = make_client(), "/api/v1/schema/forbidden-names/"
    body = {"name": "ssn", "source": "shop"}
    assert client.post(route, body, format="json").status_code == 201
    assert client.post(route, {"name": "ssn"}, format="json").status_code == 201
    assert client.post(route, body, format="json").status_code == 400
    assert client.post(route, {"name": "x", "source": "none"}, format="json").status_code == 400
    listed = [row["source"] for row in client.get(route).json()["results"]]
    assert sorted(listed, key=str) == [None, "shop"]
    assert client.post(f"{route}permit/", body, format="json").status_code == 200
    assert client.post(f"{route}permit/", body, format="json").status_code == 400
    verbs = AuditEntry.objects.filter(object_key="shop/ssn").values_list("verb", flat=True)
    assert set(verbs) == {"forbidden_name.created", "forbidden_name.deleted"}


@pytest.mark.django_db
def test_a_name_as_long_as_may_be_is_forbidden_of_one_source_and_has_its_history(
    shop: Source,
) -> None:
    client, name = make_client(), "n" * 255
    body = {"name": name, "source": shop.key}
    assert client.post("/api/v1/schema/forbidden-names/", body).status_code == 201
    forbidden = ForbiddenName.objects.get()
    history = reverse("admin:ingestion_forbiddenname_history", args=[forbidden.pk])
    assert sign_in().get(history).status_code == 200
    assert AuditEntry.objects.filter(object_key=f"{shop.key}/{name}"[:255]).exists()


def test_what_is_forbidden_meanwhile_is_not_in_a_mended_message(shop: Source, send: Send) -> None:
    send({"type": "track", "userId": "7", "properties": {"ssn": SECRET, "size": "M"}})
    rejected = RejectedMessage.objects.get()
    forbid("ssn")
    whole = person(type="track", event="Seen", properties={"ssn": SECRET, "size": "M"})
    mend_message(rejected, exact_json.dump_bytes(whole), actor=TESTER)
    rejected.refresh_from_db()
    assert b'"size":"M"' in unpack_message(rejected.body)
    assert SECRET.encode() not in unpack_message(rejected.body)
    event = Operation(verb=Verb.SET, path="event", value="Seen")
    send({"type": "track", "userId": "8", "properties": {"pin": SECRET}})
    forbid("pin")
    mend_messages(RejectedMessage.objects.exclude(pk=rejected.pk), [event], actor=TESTER)
    assert not any(
        SECRET.encode() in unpack_message(each.body) for each in RejectedMessage.objects.all()
    )


@pytest.mark.django_db
def test_refused_rows_are_kept_without_forbidden_cells(shop: Source) -> None:
    forbid("ssn")
    mapping = {"columns": {"Mail": "email", "Secu": "traits.ssn", "Ville": "traits.city"}}
    file_import = FileImport.objects.create(source=shop, name="a", size=1, mapping=mapping)
    cells = {"Mail": "nobody", "Secu": SECRET, "Ville": {"ssn": SECRET, "name": "Lyon"}}
    keep_refused([Refusal(file_import.pk, 2, "invalid", "Mail", "", {**cells, "ssn": SECRET})])
    assert cells_of(RefusedRow.objects.get()) == {
        "Mail": "nobody",
        "Secu": "",
        "Ville": {"name": "Lyon"},
        "ssn": "",
    }
