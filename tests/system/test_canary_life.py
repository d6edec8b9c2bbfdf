"""The life of a canary: a person with a value in every entrance of the running product.

They are erased, and nothing is left of them but what is declared. They are offered again by every
door in every spelling, and nothing comes in. They confirm a double opt-in, and are stored again.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from consent.models import AccessArchive, Confirmation, PrivacyRequest
from consent.services import sweep_traces
from ingestion.inbox.body import unpack_message
from ingestion.models import RejectedMessage
from profiles.models import Event, Identifier
from segments.models import ListedPerson, Override, Segment
from tests.factories import make_api_key, make_purpose, make_source, make_write_key
from tests.system.conftest import Launch
from tests.system.product import Product, is_drained, wait_until
from tests.system.traces import contents, statistics_with, tables_with, with_decoded_bodies

API = "/api/v1"
EMAIL, PHONE = "canary.life@example.org", "+33698765432"
USER, BROWSER = "Canary-user-77001x", "7b1f0a52-3d8e-4a6b-9c1d-2e3f4a5b6c7d"
NAME, CITY = "Canaria Serinus", "Canaryville"
OTHER = "user_id:other-9"
# Parts of the values that stay the same however they are spelled, stored or cut.
VALUES = ("canary.life", "98765432", "canary-user-77001x", BROWSER[:18], "serinus", "canaryville")
# What docs/privacy.md declares as kept of an erased person, where other people's rows hold it.
DECLARED = {"consent_consentbody": 1, "segments_segment": 1, "segments_segmentversion": 1}
SPELLINGS = [
    EMAIL,
    EMAIL.upper(),
    f"mailto:{EMAIL}",
    f"{NAME.split()[0][:3]}. <{EMAIL}>",
    EMAIL.replace("@", "%40"),
    EMAIL.replace("@", "%2540"),
    EMAIL.replace("@", "＠"),
    EMAIL.replace("@", "&#64;"),
]


class Shop:
    """The callers of the product: a website, a shop's server, a service and a browser."""

    def __init__(self, product: Product) -> None:
        source = make_source(key="shop")
        self.product = product
        self.website = make_write_key(source, kind="public")
        self.server = make_write_key(source)
        self.key = make_api_key()

    def send(self, *messages: dict[str, Any], key: str = "") -> None:
        batch = [{"type": "identify"} | message for message in messages]
        assert self.product.send(key or self.server, *batch).status == 200
        wait_until(is_drained, seconds=60)

    def post(self, path: str, body: Any, *statuses: int) -> Any:
        answer = self.product.call("POST", API + path, body, token=self.key)
        assert answer.status in (statuses or (200, 201, 202)), (path, answer)
        return answer.body

    def request(self, kind: str, **fields: Any) -> None:
        """Have a privacy request about the canary carried out."""
        body = {"kind": kind, "identifiers": [f"email:{EMAIL}"], "reason": f"{NAME} rang"}
        request = self.post("/privacy/requests/", body | fields)
        done = PrivacyRequest.objects.filter(pk=request["id"], status="done")
        wait_until(done.exists, seconds=60)

    def mailed_code(self) -> str:
        """Return the code of the newest link that was mailed to the canary."""

        def codes() -> list[str]:
            paths = sorted((self.product.directory / "mail").glob("*.log"))
            texts = [path.read_text() for path in paths]
            return [code for text in texts for code in re.findall(r"/privacy/\S*#(\S+)", text)]

        wait_until(codes)
        return codes()[-1]


def consent(reference: str, state: str = "given", **fields: Any) -> dict[str, Any]:
    body = {"identifier": reference, "purpose": "newsletter", "state": state, "method": "api"}
    return body | fields


def live(shop: Shop) -> None:
    """Leave a value in every entrance, in one's own name and in others' rows."""
    traits = {"email": EMAIL, "phone": "06 98 76 54 32", "name": NAME, "city": CITY}
    shop.send({"anonymousId": BROWSER, "traits": traits}, key=shop.website)
    shop.send(
        {"userId": USER, "anonymousId": BROWSER, "traits": traits},
        {"type": "track", "userId": USER, "event": "Order Completed", "properties": traits},
        {"type": "group", "userId": USER, "groupId": EMAIL, "traits": {"boss": NAME}},
        {"type": "alias", "userId": USER, "previousId": EMAIL},
        {"type": "identify", "userId": USER, "traits": {"email": EMAIL, "n": {"bad": [1]}}},
        {"type": "track", "userId": USER, "event": {"bad": EMAIL}},
        {"type": "identify", "traits": {"email": EMAIL}},
        {"userId": "other-9", "traits": {"friend_email": EMAIL, EMAIL: "a key", "city": "Lyon"}},
        {"type": "track", "userId": "other-9", "event": f"Invite to {EMAIL}"},
        {"type": "track", "userId": "other-9", "event": "Told", "properties": {"to": PHONE}},
        {"type": "page", "userId": "other-9", "name": "Shop", "context": {"page": page(EMAIL)}},
    )
    shop.post("/consents/", consent(f"email:{EMAIL}", evidence={"said": NAME, "from": EMAIL}))
    shop.post("/consents/", consent(OTHER, evidence={"recommended_by": EMAIL}))
    objection = {"kind": "objection", "purpose": None}
    shop.post("/consents/", consent(f"email:{EMAIL}") | objection)
    shop.request("rectification", changes={"city": CITY, "phone": PHONE})
    shop.request("access")
    shop.post("/privacy/me/link/", {"email": EMAIL})
    shop.mailed_code()
    definition = {"type": "trait", "key": "email", "operator": "equals", "value": EMAIL}
    new = {"key": "chosen", "name": "Chosen", "definition": definition, "status": "live"}
    shop.post("/segments/", new)
    shop.post("/lists/", {"key": "guests", "name": "Guests"})
    shop.post("/lists/guests/add/", {"identifiers": [f"email:{EMAIL}"]})
    for person in (f"email:{EMAIL}", "user_id:other-9"):
        decision = {"identifiers": [person], "reason": f"A friend of {EMAIL}."}
        shop.post("/segments/chosen/exclude/", decision)


def page(spelling: str) -> dict[str, str]:
    # What is encoded already stays so: percent signs are undone twice.
    query = f"e={spelling}" if "%" in spelling else urlencode({"e": spelling})
    return {"url": f"https://shop.example/?{query}", "title": spelling}


def offers(spelling: str) -> Iterator[dict[str, Any]]:
    """Yield messages that would bring the canary back, by every place of a message."""
    yield {"userId": spelling, "traits": {"city": "Lyon"}}
    yield {"anonymousId": spelling, "traits": {"city": "Lyon"}}
    yield {"userId": USER, "traits": {"email": spelling}}
    yield {"anonymousId": BROWSER}
    yield {"userId": "other-9", "traits": {"email": spelling, "backup_email": spelling}}
    yield {"userId": "other-9", "traits": {spelling: 1, "note": f"knows {spelling}"}}
    yield {"userId": "other-9", "traits": {"mobile_phone": "06.98.76.54.32", "id": USER}}
    yield {"type": "track", "userId": "other-9", "event": f"Invite to {spelling}"}
    yield {"type": "track", "userId": "other-9", "event": "Sent", "properties": {"to": spelling}}
    yield {"type": "page", "userId": "other-9", "context": {"page": page(spelling)}}
    yield {"type": "group", "userId": "other-9", "groupId": spelling}
    yield {"type": "alias", "userId": "other-9", "previousId": spelling}
    yield {"type": "track", "userId": "other-9", "event": {"bad": spelling}}
    yield {"userId": {"bad": spelling}}


def places_with_canary(product: Product) -> dict[str, Any]:
    """Search every table, the statistics, files, logs and Valkey; return where a value is."""
    places: dict[str, Any] = dict(tables_with(*VALUES))
    places["statistics"] = statistics_with(*VALUES)
    packed = (unpack_message(row.body) for row in RejectedMessage.objects.all())
    places["rejected"] = [body for body in packed if hits(body.decode(errors="replace"))]
    places["archives"] = list(AccessArchive.objects.exclude(content=b""))
    files = [path for path in product.directory.rglob("*") if path.is_file()]
    places["files"] = [path.name for path in files if hits(path.read_text(errors="replace"))]
    queued = with_decoded_bodies(contents(product.valkey)) + contents(product.cache)
    places["valkey"] = hits(queued)
    return {place: found for place, found in places.items() if found}


def hits(text: str) -> list[str]:
    return [value for value in VALUES if value in text.lower()]


def test_a_canary_lives_is_erased_is_offered_again_and_comes_back(launch: Launch) -> None:
    make_purpose("newsletter", is_direct_marketing=True)
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    product = launch("web", "worker", "beat", LOG_LEVEL="DEBUG")
    shop = Shop(product)

    live(shop)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    found = places_with_canary(product)
    assert found.keys() >= {
        *("profiles_identifier", "profiles_event", "profiles_eventname", "profiles_sourcerecord"),
        *("profiles_traitdefinition", "profiles_traitlock", "profiles_profile"),
        *("consent_consentbody", "segments_segment", "rejected", "archives", "files"),
        *("statistics", "profiles_auditbody", "segments_override"),
    }, "the search finds what is there"

    shop.request("erasure")
    sweep_traces()
    assert places_with_canary(product) == DECLARED
    assert not ListedPerson.objects.exists()
    assert Override.objects.get().reason == "A friend of [erased]."

    for spelling in SPELLINGS:
        shop.send(*offers(spelling))
        shop.send(*offers(spelling), key=shop.website)
        shop.post("/consents/", consent(f"user_id:{spelling}"), 201, 400, 409)
        shop.post("/consents/", consent(OTHER, evidence={"by": f"x {spelling}"}))
        shop.post("/profiles/lookup/", {"identifiers": [f"email:{spelling}"]}, 200, 400)
    shop.post("/consents/", consent(f"email:{EMAIL}"), 409)
    shop.post("/privacy/me/link/", {"email": EMAIL})
    assert places_with_canary(product) == DECLARED
    assert not Identifier.objects.filter(namespace__in=("email", "phone")).exists()

    opt_in = {"email": EMAIL.upper(), "purposes": ["newsletter"], "language": "fr"}
    shop.post("/consents/opt-ins/", opt_in)
    wait_until(Confirmation.objects.exclude(sent_at=None).exists)
    form = urlencode({"code": shop.mailed_code()}).encode()
    content_type = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = product.call("POST", "/privacy/opt-in/?lang=fr", form, **content_type)
    assert (answer.status, b"Merci" in answer.body) == (200, True)
    shop.send({"userId": USER, "traits": {"email": EMAIL, "city": CITY}})
    shop.send({"type": "track", "userId": USER, "event": "Order Completed"})
    body = {"identifiers": [f"user_id:{USER}"]}
    (profile,) = shop.post("/profiles/lookup/", body)["results"]
    assert profile["traits"]["city"] == CITY
    assert Event.objects.filter(name__name="Order Completed").count() == 1, "what was is gone"
    states = shop.post("/consents/state/", {"identifiers": [f"email:{EMAIL}"]})["results"]
    permitted = {key: state["permitted"] for key, state in states[0].items()}
    assert permitted == {"newsletter": True, "offers": False}, "the objection stands"
    wait_until(lambda: Segment.objects.get(key="chosen").size == 1, seconds=60)
    product.stop()
    assert hits(product.logs()) == []
