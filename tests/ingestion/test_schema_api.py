"""The registry by API: reading it, and deciding about it with an audit entry."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ingestion.models import ForbiddenName
from profiles.models import AuditEntry, SchemaKey, Source, TraitDefinition
from profiles.services import fold_tallies
from tests.factories import make_client
from tests.ingestion.conftest import Send

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/schema"


@pytest.fixture
def service(shop: Source, send: Send) -> APIClient:
    send(
        {"type": "identify", "userId": "1", "traits": {"vip": True, "town": "Lyon"}},
        *(
            {
                "type": "track",
                "userId": f"u{number}",
                "event": "Bought",
                "properties": {"size": "M", "customer": {"ssn": "7"}},
            }
            for number in range(10)
        ),
    )
    fold_tallies()
    return make_client()


def results(service: APIClient, route: str, **query: Any) -> dict[str, dict[str, Any]]:
    response = service.get(f"{ROUTE}/{route}/", query)
    assert response.status_code == 200, response.json()
    return {
        row.get("path") or row.get("key") or row["name"]: row for row in response.json()["results"]
    }


def test_the_lists_have_what_came_and_answer_filters(service: APIClient) -> None:
    assert results(service, "events")["Bought"]["messages"] == 10
    rows = results(service, "properties", event="Bought")
    assert set(rows) == {"size", "customer", "customer.ssn"}
    assert (rows["size"]["fill"], rows["size"]["volume"]) == (1, 10)
    assert rows["customer.ssn"]["category"] == "contact"
    assert set(results(service, "properties", category="contact")) == {"customer.ssn"}
    traits = results(service, "traits", key="vip")
    assert traits["vip"]["types"] == {"boolean": 1}
    assert service.get(f"{ROUTE}/properties/", {"evnt": "Bought"}).status_code == 400


def test_a_decision_is_kept_and_written_down(service: APIClient) -> None:
    row = results(service, "properties")["size"]
    route = f"{ROUTE}/properties/{row['id']}/"
    answer = service.patch(route, {"category": "ordinary", "is_money": True}).json()
    assert (answer["category"], answer["is_money"], answer["is_reviewed"]) == (
        "ordinary",
        True,
        True,
    )
    entry = AuditEntry.objects.filter(object_key=row["id"]).get()
    assert entry.changes["is_money"] == [False, True]
    figures = service.get(f"{route}figures/").json()
    assert figures["values"] == [{"value": "M", "people": 10}]
    assert figures["sources"] == [{"key": "shop", "name": "Shop", "seen": 10}]
    assert service.patch(f"{ROUTE}/traits/vip/", {"category": "special"}).status_code == 200
    assert TraitDefinition.objects.get(key="vip").category == "special"


def test_whose_data_a_trait_is_can_be_decided_and_taken_back(service: APIClient) -> None:
    route = f"{ROUTE}/traits/vip/"
    assert service.patch(route, {"party": "zero"}).json()["party"] == "zero"
    assert set(results(service, "traits", party="zero")) == {"vip"}
    assert service.patch(route, {"category": "ordinary"}).json()["party"] == "zero"
    assert service.patch(route, {"party": ""}).json()["party"] == ""
    assert service.patch(route, {"party": "second"}).status_code == 400


def test_many_are_decided_at_once_and_their_names_forbidden(service: APIClient, send: Send) -> None:
    ssn = results(service, "properties")["customer.ssn"]["id"]
    body = {"properties": [ssn], "traits": ["vip"], "category": "special", "forbidden": True}
    answer = service.post(f"{ROUTE}/review/", body, format="json")
    assert answer.json() == {"properties": 1, "traits": 1, "forbidden": 2}
    assert set(ForbiddenName.objects.values_list("name", flat=True)) == {"ssn", "vip"}
    assert SchemaKey.objects.get(uuid=ssn).is_reviewed
    again = service.post(f"{ROUTE}/review/", body, format="json")
    assert again.json()["forbidden"] == 0


def test_of_many_none_is_decided_where_one_is_unknown(service: APIClient) -> None:
    ids = [results(service, "properties")["size"]["id"], "6f3c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4d"]
    body = {"properties": ids, "category": "special"}
    answer = service.post(f"{ROUTE}/review/", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "properties[1]")
    answer = service.post(f"{ROUTE}/review/", {"traits": ["vip", "none"]}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "traits[1]")
    assert not SchemaKey.objects.filter(is_reviewed=True).exists()
