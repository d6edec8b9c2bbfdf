"""Importing files by the API: upload, mapping, trial, progress, refused rows."""

import base64
from typing import Any

import pytest
from rest_framework.test import APIClient

from ingestion.models import FileImport, ImportPart
from ingestion.services import drain_inbox, finish_import
from profiles.models import Profile
from tests.factories import make_client, make_source, profile_of
from tests.ingestion.files import PEOPLE, csv_of

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/imports/"
CONTENT = csv_of(
    ("Mail", "No", "Ville", "Date"),
    ("ada@example.org", "42", "Lyon", "31/12/2025"),
    ("nobody", "43", "Nice", "31/12/2025"),
)


@pytest.fixture
def client() -> APIClient:
    make_source(key="crm")
    return make_client()


def begun(client: APIClient, content: bytes = CONTENT) -> str:
    answer = client.post(ROUTE, {"source": "crm", "name": "people.csv", "size": len(content)})
    assert answer.status_code == 201
    return f"{ROUTE}{answer.json()['id']}/"


def add(client: APIClient, route: str, offset: int, content: bytes) -> Any:
    body = {"offset": offset, "content": base64.b64encode(content).decode()}
    return client.post(f"{route}parts/", body)


def uploaded(client: APIClient) -> str:
    route = begun(client)
    add(client, route, 0, CONTENT[:20])
    assert add(client, route, 20, CONTENT[20:]).json()["status"] == "uploaded"
    return route


def test_a_file_is_uploaded_in_parts_looked_into_tried_and_imported(client: APIClient) -> None:
    route = uploaded(client)
    inspection = client.get(f"{route}inspection/").json()
    assert inspection["reading"]["delimiter"] == ","
    assert inspection["mapping"]["columns"]["Mail"] == "email"
    trial = client.post(f"{route}trial/", {"mapping": PEOPLE}).json()
    assert (trial["stored"], trial["refused"], trial["is_whole"]) == (1, 1, True)
    assert not Profile.objects.exists()
    started = client.post(f"{route}start/", {"mapping": PEOPLE})
    assert (started.status_code, started.json()["status"]) == (202, "reading")
    finish_import(FileImport.objects.get(), drain_inbox)
    done = client.get(route).json()
    counts = {name: done[name] for name in ("rows", "stored", "unchanged", "refused", "dropped")}
    assert counts == {"rows": 2, "stored": 1, "unchanged": 0, "refused": 1, "dropped": 0}
    assert (done["status"], done["received"]) == ("done", None)
    [refused] = client.get(f"{route}refused/").json()["results"]
    assert (refused["row"], refused["column"]) == (3, "Mail")
    assert refused["cells"] == {"Mail": "nobody", "No": "43", "Ville": "Nice", "Date": "31/12/2025"}
    assert client.get(f"{route}refused/", {"column": "Date"}).json()["results"] == []
    assert profile_of("user_id:42")


def test_an_upload_that_broke_off_is_told_where_to_go_on(client: APIClient) -> None:
    route = begun(client)
    add(client, route, 0, CONTENT[:20])
    again = add(client, route, 0, CONTENT[:20])
    assert again.status_code == 409
    assert again.json()["errors"][0]["path"] == "offset"
    assert client.get(route).json()["received"] == 20
    too_much = add(client, route, 20, CONTENT)
    assert too_much.status_code == 400


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "mapping"),
        ({"mapping": []}, "mapping"),
        ({"mapping": {**PEOPLE, "call": "page"}}, "mapping.call"),
        ({"mapping": {**PEOPLE, "columns": {"Nom": "email"}}}, "mapping.columns"),
        ({"mapping": PEOPLE, "reading": {"encoding": "rot13"}}, "reading.encoding"),
        ({"mapping": PEOPLE, "reading": {"delimiter": ",,"}}, "reading.delimiter"),
        ({"mapping": PEOPLE, "reading": {"format": "parquet"}}, ""),
        ({"saved_mapping": "none"}, "saved_mapping"),
        ({"mapping": PEOPLE, "more": 1}, "more"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(
    client: APIClient, body: dict[str, Any], path: str
) -> None:
    route = uploaded(client)
    for verb in ("trial", "start"):
        answer = client.post(f"{route}{verb}/", body)
        assert answer.status_code == 400
        assert path in [error["path"] for error in answer.json()["errors"]]
    assert FileImport.objects.get().status == "uploaded"


def test_a_part_has_at_most_a_megabyte(client: APIClient) -> None:
    part = b"x" * 1024 * 1024
    route = begun(client, part * 2)
    assert add(client, route, 0, part).status_code == 200
    refused = add(client, route, len(part), part + b"x")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "content")


def test_an_import_is_started_once_and_cancelled_while_it_runs(client: APIClient) -> None:
    route = begun(client)
    assert client.get(f"{route}inspection/").status_code == 409
    assert client.post(f"{route}start/", {"mapping": PEOPLE}).status_code == 409
    route = uploaded(client)
    assert client.post(f"{route}start/", {"mapping": PEOPLE}).status_code == 202
    assert client.post(f"{route}start/", {"mapping": PEOPLE}).status_code == 409
    assert client.post(f"{route}cancel/").json()["status"] == "cancelled"
    assert client.post(f"{route}cancel/").status_code == 409
    assert not ImportPart.objects.filter(file_import__status="cancelled").exists()


def test_a_saved_mapping_is_used_replaced_and_deleted(client: APIClient) -> None:
    mappings = "/api/v1/import-mappings/"
    assert client.post(mappings, {"key": "crm", "mapping": {}}).status_code == 400
    for _ in range(2):
        assert client.post(mappings, {"key": "crm", "mapping": PEOPLE}).status_code == 201
    route = uploaded(client)
    assert client.post(f"{route}start/", {"saved_mapping": "crm"}).json()["mapping"] == PEOPLE
    assert client.delete(f"{mappings}crm/").status_code == 204
    assert client.get(f"{mappings}crm/").status_code == 404
