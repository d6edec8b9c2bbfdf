"""The product over HTTP, used by a real SDK, by a service and by a customer."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from segment.analytics.client import Client

from config.personal_data import VALKEY_PREFIXES
from ingestion.models import DroppedCount, RejectedMessage
from tests.factories import make_source, make_write_key
from tests.system.product import Product, is_drained, wait_until
from tests.system.traces import tables_with

API = "/api/v1"
EMAIL = "ada.lovelace@example.org"
ADA = f"email:{EMAIL}"
LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
BUYERS = {"type": "event", "name": "Order Completed", "operator": "gte", "value": 1}
CRM_ROW = {
    "type": "identify",
    "anonymousId": "crm-lead-0815",
    "context": {
        "externalIds": [
            {"id": "crm-0815", "type": "crm_id", "collection": "users", "encoding": "none"}
        ]
    },
    "traits": {"email": EMAIL, "city": "Lyon", "name": "Ada Lovelace-Byron"},
}


class Service:
    """A client of the API, with a key that has all scopes."""

    def __init__(self, product: Product, api_key: str) -> None:
        self.product = product
        self._api_key = api_key

    def call(self, method: str, path: str, body: object = None, *, expected: int = 200) -> Any:
        response = self.product.call(method, API + path, body, token=self._api_key)
        assert response.status == expected, response.body
        return response.body

    def lookup(self, reference: str) -> Any:
        return self.call("POST", "/profiles/lookup/", {"identifiers": [reference]})["results"][0]

    def is_known(self, reference: str) -> bool:
        return self.lookup(reference) is not None

    def make_live_segment(self, key: str, definition: dict[str, Any]) -> None:
        """Create a live segment."""
        body = {"key": key, "name": key, "definition": definition, "status": "live"}
        self.call("POST", "/segments/", body, expected=201)

    def members(self, segment: str) -> set[str]:
        rows = self.call("GET", f"/segments/{segment}/members/")["results"]
        return {row["profile"] for row in rows}

    def open_request(self, kind: str, *references: str) -> str:
        """Open a privacy request and return its id."""
        body = {"kind": kind, "identifiers": list(references), "reason": "asked by mail"}
        request_id: str = self.call("POST", "/privacy/requests/", body, expected=201)["id"]
        return request_id

    def is_done(self, request_id: str) -> bool:
        return bool(self.call("GET", f"/privacy/requests/{request_id}/")["status"] == "done")


@pytest.fixture
def service(product: Product, api_key: str) -> Service:
    return Service(product, api_key)


@contextmanager
def sdk(product: Product, key: str) -> Iterator[Client]:
    """Give Segment's own client, and wait until all its messages are acknowledged."""
    failures: list[object] = []
    client = Client(
        key,
        host=f"http://127.0.0.1:{product.port}",
        on_error=lambda error, _: failures.append(error),
        gzip=True,
        upload_interval=0.05,
    )
    yield client
    client.flush()
    client.join()
    assert failures == []


def send_by_sdk(product: Product, key: str, user: str) -> None:
    """Identify a user by the address of the CRM row, and send an order of theirs."""
    with sdk(product, key) as client:
        client.identify(user, {"email": EMAIL.upper(), "plan": "gold"})
        client.track(user, "Order Completed", {"revenue": 30})


def test_whom_an_sdk_identifies_by_the_address_of_a_crm_row_is_that_person_unless_its_key_is_public(
    product: Product, service: Service
) -> None:
    crm, shop = make_write_key(make_source(key="crm")), make_source(key="shop")
    secret, public = make_write_key(shop), make_write_key(shop, kind="public")
    service.make_live_segment("lyon", LYON)
    service.make_live_segment("buyers", BUYERS)
    assert product.send(crm, CRM_ROW).status == 200
    wait_until(lambda: service.is_known(ADA))

    send_by_sdk(product, public, "u-66")
    wait_until(lambda: service.members("buyers"), seconds=10)
    stranger = service.lookup("user_id:u-66")
    assert service.members("buyers") == {stranger["id"]}
    assert service.lookup(ADA)["id"] not in service.members("buyers")

    send_by_sdk(product, secret, "u-42")
    wait_until(lambda: service.members("lyon") & service.members("buyers"), seconds=10)
    profile = service.lookup(ADA)
    assert profile["id"] != stranger["id"]
    assert service.lookup("user_id:u-42") == service.lookup("crm_id:crm-0815") == profile
    assert service.members("lyon") == {profile["id"]}
    assert service.members("buyers") == {profile["id"], stranger["id"]}
    own = service.call("GET", f"/profiles/{profile['id']}/segments/")["results"]
    assert {row["key"] for row in own} == {"lyon", "buyers"}
    assert (profile["traits"]["city"], profile["traits"]["plan"]) == ("Lyon", "gold")
    traits = service.call("GET", f"/profiles/{profile['id']}/traits/")
    assert {"crm", "shop"} <= set(_texts(traits))
    assert list(_undeclared_keys(product)) == []


def _undeclared_keys(product: Product) -> Iterator[str]:
    """Yield the keys in Valkey that config/personal_data.py says nothing about."""
    for store in (product.valkey, product.cache):
        for key in store.scan_iter():
            if not key.decode().startswith(tuple(VALKEY_PREFIXES)):
                yield key.decode()


def test_a_rudderstack_body_that_is_gzipped_comes_to_the_same_person(
    product: Product, service: Service
) -> None:
    key = make_write_key()
    message = {
        "type": "identify",
        "channel": "server",
        "userId": "u-42",
        "messageId": "rudder-1",
        "context": {"traits": {"email": EMAIL, "city": "Lyon"}, "library": {"name": "RudderLabs"}},
        "integrations": {"All": True},
    }
    body = gzip.compress(json.dumps({"batch": [message]}).encode())
    for _ in range(2):
        headers = {"Content-Encoding": "gzip"}
        response = product.call("POST", "/v1/batch", body, token=key, **headers)
        assert response.status == 200
    wait_until(lambda: service.is_known(ADA))
    assert service.lookup("user_id:u-42")["traits"]["city"] == "Lyon"


def test_after_an_erasure_nothing_is_left_and_a_sdk_that_sends_again_brings_nothing_back(
    product: Product, service: Service
) -> None:
    crm, secret = make_write_key(make_source(key="crm")), make_write_key(make_source(key="shop"))
    service.make_live_segment("lyon", LYON)
    product.send(crm, CRM_ROW)
    send_by_sdk(product, secret, "u-42")
    wait_until(lambda: service.members("lyon"))
    values = (EMAIL, "lovelace-byron", "crm-0815", "u-42")
    assert {"profiles_identifier", "profiles_profile"} <= tables_with(*values).keys()

    request_id = service.open_request("erasure", ADA)
    wait_until(lambda: service.is_done(request_id), seconds=30)
    assert not service.is_known(ADA)
    assert not service.is_known("user_id:u-42")
    assert service.members("lyon") == set()
    assert tables_with(*values) == {}

    product.send(crm, CRM_ROW, CRM_ROW | {"type": "unheard-of"})
    send_by_sdk(product, secret, "u-42")
    wait_until(is_drained)
    assert not service.is_known(ADA)
    assert tables_with(*values) == {}
    assert RejectedMessage.objects.get().code == "unknown_type"
    assert sum(DroppedCount.objects.values_list("count", flat=True)) == 3
    assert EMAIL not in product.logs().lower()


def test_a_customer_sees_corrects_and_erases_their_data_through_a_mailed_link(
    product: Product, service: Service
) -> None:
    crm = make_write_key(make_source(key="crm"))
    product.send(crm, CRM_ROW)
    wait_until(lambda: service.is_known(ADA))
    session = open_session(product)
    me = product.call("GET", f"{API}/privacy/me/", token=session)
    assert me.status == 200
    assert "Lovelace-Byron" in json.dumps(me.body)

    rectification = {"kind": "rectification", "changes": {"city": "Paris"}}
    product.call("POST", f"{API}/privacy/me/requests/", rectification, token=session)
    wait_until(lambda: service.lookup(ADA)["traits"]["city"] == "Paris", seconds=30)
    product.send(crm, CRM_ROW | {"traits": CRM_ROW["traits"] | {"plan": "silver"}})
    wait_until(lambda: service.lookup(ADA)["traits"].get("plan") == "silver")
    assert service.lookup(ADA)["traits"]["city"] == "Paris"

    product.call("POST", f"{API}/privacy/me/requests/", {"kind": "erasure"}, token=session)
    wait_until(lambda: not service.is_known(ADA), seconds=30)
    wait_until(lambda: not tables_with(EMAIL, "lovelace-byron", "crm-0815"))
    assert product.call("GET", f"{API}/privacy/me/", token=session).status in (401, 404)


def open_session(product: Product) -> str:
    """Open a session of Ada by the link in the mail, which the worker writes into a file."""
    response = product.call("POST", f"{API}/privacy/me/link/", {"email": EMAIL})
    assert response.status == 202
    mails = product.directory / "mail"
    wait_until(lambda: mails.is_dir() and any(mails.iterdir()), seconds=30)
    (mail,) = mails.iterdir()
    wait_until(lambda: "/privacy/#" in mail.read_text())
    token = mail.read_text().split("/privacy/#")[1].split()[0]
    response = product.call("POST", f"{API}/privacy/me/session/", {"token": token})
    assert response.status == 201
    session: str = response.body["token"]
    return session


def _texts(body: object) -> Iterator[str]:
    """Yield every text in the body of a response, at any depth."""
    match body:
        case str():
            yield body
        case dict():
            for value in body.values():
                yield from _texts(value)
        case list():
            for value in body:
                yield from _texts(value)
