"""The three rings of suppression: what is recognised in which place, and what never is."""

import json
import random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from consent.models import ConsentBody, Suppression
from consent.services import find_suppressed, mentions, redacted, suppress
from ingestion.models import DroppedCount, RejectedMessage
from profiles.models import Event, EventName, Identifier, SourceRecord, TraitDefinition
from tests.consent.callers import BASE, service
from tests.factories import make_profile, make_purpose, send_messages
from tests.system.traces import tables_with
from tests.tries import tries

EACH = settings(
    max_examples=tries(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ADDRESS, NUMBER = "ada.canary@example.org", "+33698765432"
OPAQUE, UUID = "kX9pQ2mL7vR4tY8w", "7b1f0a52-3d8e-4a6b-9c1d-2e3f4a5b6c7d"
# Spellings of the address, in each of which it must be found.
SPELLINGS = [
    ADDRESS,
    ADDRESS.upper(),
    f"  {ADDRESS} ",
    f"mailto:{ADDRESS}",
    f"mailto:{ADDRESS}?cc=bob@example.org",
    f"Ada C. <{ADDRESS}>",
    f"<{ADDRESS}>",
    ADDRESS.replace("@", "%40"),
    ADDRESS.replace("@", "%2540"),
    ADDRESS.replace("@", "＠"),
    ADDRESS.replace("@", "&#64;"),
    ADDRESS.replace("@", "&#x40;"),
    ADDRESS.replace("a", "ａ", 1),
    "Ada.Canary@Example.org",
]
CONTEXTS = [
    "{}",
    "Invite to {}",
    "wrote to {}, twice.",
    "({})",
    '"{}"',
    "to:{};",
    "https://shop.example/unsubscribe?email={}&x=1",
    "https://shop.example/u/{}/edit",
    "/account/{}",
    '{{"email": "{}"}}',
    "メール{}です",
]
NUMBERS = [
    NUMBER,
    "+33 6 98 76 54 32",
    "0033698765432",
    "00 33 6 98 76 54 32",
    f"tel:{NUMBER}",
    "+33 (6) 98-76-54-32",
]
IDS = [OPAQUE, UUID, UUID.upper(), f"https://x.example/p/{OPAQUE}", f"/u?id={UUID}&a=1"]


@pytest.fixture
def erased(db: None) -> None:
    suppress(
        [
            f"email:{ADDRESS}",
            f"phone:{NUMBER}",
            f"user_id:{OPAQUE}",
            f"crm_id:{UUID}",
            "user_id:42",
        ],
        request_id=None,
    )


def hidden(text: str) -> set[str]:
    return find_suppressed(mentions(text, region="FR"))


# The forms


@EACH
@given(spelling=st.sampled_from(SPELLINGS), context=st.sampled_from(CONTEXTS))
def test_an_address_is_found_in_every_spelling_and_leaves_the_rest(
    erased: None, spelling: str, context: str
) -> None:
    text = context.format(spelling)
    found = hidden(text)
    assert found == {f"email:{ADDRESS}"}, text
    cut = redacted({"note": text, "other": 1}, found, region="FR")
    assert not hidden(json.dumps(cut, ensure_ascii=False)), cut
    assert cut["other"] == 1
    if context == "wrote to {}, twice.":
        assert cut["note"].startswith("wrote to ")
        assert cut["note"].rstrip().endswith("twice.")
        assert "[erased]" in cut["note"]


@EACH
@given(
    spelling=st.sampled_from([spelling for spelling in SPELLINGS if "%" not in spelling]),
    wrapping=st.sampled_from(["{}", "<{}>", "mailto:{}", "Ada <{}>", '"{}"', "x,{},y", "[{}]"]),
    address=st.sampled_from(["https://x.example/?e={}&n=1", "/u/{}/edit", "e={}", "to {} now"]),
)
def test_percent_signs_do_not_hide_where_an_address_begins_and_ends(
    erased: None, spelling: str, wrapping: str, address: str
) -> None:
    text = address.format(quote(wrapping.format(spelling), safe=""))
    assert hidden(text) == {f"email:{ADDRESS}"}, text
    cut = redacted({"url": text, "n": 1}, hidden(text), region="FR")
    assert not hidden(json.dumps(cut, ensure_ascii=False)), cut


@EACH
@given(text=st.sampled_from([*NUMBERS, *IDS]), place=st.sampled_from(["value", "key", "list"]))
def test_a_number_and_a_distinctive_id_are_found_as_a_whole_or_in_a_url(
    erased: None, text: str, place: str
) -> None:
    content: Any = {"value": {"a": text}, "key": {text: 1}, "list": {"a": ["b", text]}}[place]
    found = find_suppressed(mentions(content, region="FR"))
    assert found, text
    assert not find_suppressed(mentions(redacted(content, found, region="FR"), region="FR"))


@pytest.mark.parametrize("key", ["phone", "mobile_phone", "Tel", "backup_phone", "whatsapp"])
def test_a_national_number_is_found_only_under_the_key_of_a_phone(erased: None, key: str) -> None:
    assert find_suppressed(mentions({key: "06 98 76 54 32"}, region="FR"))
    assert not find_suppressed(mentions({"order": "0698765432"}, region="FR"))


def test_an_address_that_is_the_value_goes_with_its_key(erased: None) -> None:
    content = {"to": ADDRESS, "cc": f"Ada <{ADDRESS}>", "all": [ADDRESS, "x"], ADDRESS: True}
    cut = redacted(content, {f"email:{ADDRESS}"}, region="FR")
    assert cut == {"all": ["x"], "[erased]": True}


def test_another_address_that_only_ends_alike_is_somebody_elses(erased: None) -> None:
    for other in (f"x{ADDRESS}", f"{ADDRESS}.uk", f"not-{ADDRESS}", ADDRESS.replace("ada.", "")):
        assert not hidden(other)


# Ring 3: ordinary traffic

words = st.sampled_from(["red", "size", "Lyon", "checkout", "A nice day", "café", "x" * 30])
numbers = st.integers(1, 100_000)
texts = st.one_of(
    words,
    numbers.map(str),
    numbers.map(lambda number: f"SKU-{number}"),
    numbers.map(lambda number: f"{number:05}"),
    numbers.map(lambda number: f"/product/{number}?size={number}"),
    numbers.map(lambda number: f"https://shop.example/{number}#{number}"),
    st.sampled_from(["0612345678", "06 12 34 56 78", "true", "guest", "null", "-1", "0"]),
    st.uuids().map(str),
    st.sampled_from(["100% cotton", "a\\u0040b", "Tom & Jerry", "50%25", "x@y", "@ada", "&#64;"]),
)
values = st.recursive(
    st.one_of(texts, numbers, st.floats(0, 1000).map(lambda n: round(n, 2)), st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.django_db
def test_with_100_000_short_ids_suppressed_ordinary_traffic_is_stored_byte_for_byte() -> None:
    suppress([f"user_id:{number}" for number in range(1, 100_001)], request_id=None)
    suppress([f"user_id:{word}" for word in ("guest", "true", "null")], request_id=None)
    place = 0

    @settings(EACH, max_examples=tries(60))
    @given(st.lists(st.dictionaries(texts, values, min_size=1, max_size=5), min_size=1, max_size=5))
    @example(
        [{"quantity": 42, "size": "42", "42": ["42", 42], "zip": "69001", "order": "0612345678"}]
    )
    def run(properties: list[dict[str, Any]]) -> None:
        nonlocal place
        before = set(Event.objects.values_list("id", flat=True))
        messages = []
        for content in properties:
            place += 1
            messages.append(
                {
                    "type": "track",
                    "userId": f"shopper-{place}",
                    "event": f"Bought {place}",
                    "properties": content,
                    "context": {"page": content, "traits": {"size": "42", "city": "12345"}},
                }
            )
        send_messages(*messages)
        stored = Event.objects.exclude(id__in=before).order_by("name__name", "id")
        rows = {event.name.name: event for event in stored.select_related("name")}
        assert len(rows) == len(messages)
        for message in messages:
            event = rows[message["event"]]
            assert (event.properties, event.context) == (message["properties"], message["context"])

    run()
    assert not DroppedCount.objects.exists()
    assert not RejectedMessage.objects.exists()


@pytest.mark.django_db
def test_ordinary_messages_cost_no_hash_beyond_their_identifiers() -> None:
    rng = random.Random(1)
    counts = []
    for number in range(200):
        properties = {
            "sku": f"SKU-{rng.randrange(10**5)}",
            "quantity": rng.randrange(9),
            "name": "Blue shirt, long",
            "url": f"https://shop.example/p/{rng.randrange(999)}?utm_source=mail",
            "order_id": str(rng.randrange(10**9)),
        }
        context = {"userAgent": "Mozilla/5.0 (X11; Linux x86_64)", "locale": "fr-FR"}
        counts.append(len(mentions([properties, context, f"Bought {number}"], region="FR")))
    assert sorted(counts)[100] <= 1


# Ring 1, and what the drain makes of it


@pytest.mark.parametrize("spelling", [ADDRESS, ADDRESS.upper(), f"mailto:{ADDRESS}"])
@pytest.mark.parametrize("field", ["userId", "anonymousId"])
def test_an_erased_address_as_an_id_is_dropped(erased: None, field: str, spelling: str) -> None:
    send_messages({field: spelling, "traits": {"city": "Lyon"}})
    assert not Identifier.objects.exists()
    assert DroppedCount.objects.get().count == 1


def test_an_address_erased_as_a_user_id_is_recognised_as_an_address(db: None) -> None:
    suppress([f"user_id:{ADDRESS}"], request_id=None)
    send_messages({"userId": "u-1", "traits": {"email": ADDRESS}})
    assert not Identifier.objects.filter(namespace="email").exists()
    assert tables_with(ADDRESS) == {}


def test_user_and_anonymous_ids_stand_for_each_other(erased: None) -> None:
    send_messages({"anonymousId": "42"}, {"userId": "42"}, {"userId": "43"})
    assert DroppedCount.objects.get().count == 2
    send_messages({"userId": "u-9", "context": {"externalIds": [{"id": "42", "type": "crm_id"}]}})
    assert Identifier.objects.filter(namespace="crm_id", value="42").exists()


EMBEDDED: list[Any] = [
    lambda text: {"userId": "u-1", "traits": {"note": f"about {text}", "city": "Lyon"}},
    lambda text: {"type": "track", "userId": "u-1", "event": f"Invite to {text}"},
    lambda text: {"type": "page", "userId": "u-1", "name": f"Unsubscribe {text}"},
]
PLACES: list[Any] = [
    *EMBEDDED,
    lambda text: {"userId": "u-1", "traits": {"backup_email": text}},
    lambda text: {"userId": "u-1", "traits": {text: "in a key"}},
    lambda text: {"userId": "u-1", "traits": {"deep": [{"x": {"y": text}}]}},
    lambda text: {"userId": "u-1", "context": {"page": {"url": f"https://x.example/?e={text}"}}},
    lambda text: {"userId": "u-1", "context": {"traits": {"email": text}}},
    lambda text: {"type": "track", "userId": "u-1", "event": "A", "properties": {"to": text}},
    lambda text: {"type": "group", "userId": "u-1", "groupId": text, "traits": {"boss": text}},
    lambda text: {"type": "alias", "userId": "u-1", "previousId": text},
    lambda text: {"userId": "u-1", "messageId": f"m-{random.random()}", "traits": {"email": text}},
    lambda text: {"type": f"x{text}"[:30], "userId": "u-1", "traits": {"email": text}},
    lambda text: {"type": "track", "userId": "u-1", "event": {"bad": text}},
    lambda text: {"type": "identify", "traits": {"email": text}},
]


@EACH
@given(place=st.sampled_from(PLACES), spelling=st.sampled_from([*SPELLINGS, *NUMBERS[:3], OPAQUE]))
def test_no_place_of_a_message_lets_an_erased_person_back(
    erased: None, place: Any, spelling: str
) -> None:
    is_wide = not spelling.isascii()
    # A number or id is looked for as a whole text, not within one.
    is_address = "canary" in spelling.lower()
    assume(is_address or place("x") not in [embed("x") for embed in EMBEDDED])
    send_messages(place(spelling))
    values = [ADDRESS, "ada.canary%40example.org", OPAQUE, "33698765432", "698765432"]
    if is_wide or "%2540" in spelling:
        values += [spelling.strip()]
    names = list(EventName.objects.values_list("name", flat=True))
    assert tables_with(*values) == {}, names
    for model in (EventName, TraitDefinition):
        field = "name" if model is EventName else "key"
        for text in model.objects.values_list(field, flat=True):
            assert not hidden(text)


def test_the_neighbours_of_what_is_cut_out_stay(erased: None) -> None:
    traits = {"email": ADDRESS, "city": "Lyon", "note": f"Friend of {ADDRESS}!", "size": "42"}
    send_messages({"userId": "u-1", "traits": traits})
    record = SourceRecord.objects.get().traits
    assert {key: value[0] for key, value in record.items()} == {
        "city": "Lyon",
        "note": "Friend of [erased]!",
        "size": "42",
    }


def test_the_evidence_of_another_persons_consent_names_no_erased_one(erased: None) -> None:
    make_purpose()
    make_profile("user_id:7")
    body = {"identifier": "user_id:7", "purpose": "newsletter", "state": "given", "method": "api"}
    answer = service().post(f"{BASE}/consents/", body | {"evidence": {"by": f"x {ADDRESS}"}})
    assert answer.status_code == 201
    assert ConsentBody.objects.get().evidence == {"by": "x [erased]"}


@pytest.mark.parametrize("reference", [f"user_id:{ADDRESS}", f"anonymous_id:{ADDRESS.upper()}"])
def test_consents_under_another_namespace_are_refused_too(erased: None, reference: str) -> None:
    make_purpose()
    body = {"identifier": reference, "purpose": "newsletter", "state": "given", "method": "api"}
    assert service().post(f"{BASE}/consents/", body).status_code == 409
    assert not Identifier.objects.exists()


def test_the_list_keeps_no_value(erased: None) -> None:
    assert Suppression.objects.count() >= 5
    assert tables_with("ada.canary", OPAQUE, "98765432") == {}
