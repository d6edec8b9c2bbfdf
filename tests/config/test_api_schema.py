"""The OpenAPI schema: it is whole, it lies in the repository, and its examples work."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from config.http.examples import examples
from config.http.tags import TAGS
from profiles.models import Profile, StaffRead
from tests.config.api_schema import FILE, OPERATIONS, SCHEMA, send_example, with_real_ids
from tests.config.example_world import World

PROBLEM = "application/problem+json"
WITHOUT_JSON = (
    "archive_retrieve",
    "confirm_create",
    "export_retrieve",
    "destroy",
    "schema_retrieve",
)


def test_the_file_is_the_schema_of_the_code(tmp_path: Path) -> None:
    written = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(written))
    assert written.read_text() == FILE.read_text(), "script/schema writes docs/openapi.yaml anew."


def test_the_schema_says_what_each_operation_asks_for_and_how_it_refuses(client: Client) -> None:
    schema = client.get("/api/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    listing = schema["paths"]["/api/v1/profiles/"]["get"]
    assert "Scope: `profiles:read`" in listing["description"]
    assert {"segment", "source", "seen_after", "status", "trait.KEY", "cursor"} <= {
        parameter["name"] for parameter in listing["parameters"]
    }
    assert {"200", "400", "401", "403"} <= listing["responses"].keys()
    assert PROBLEM in listing["responses"]["403"]["content"]
    assert listing["security"] == [{"apiKey": []}]


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_each_operation_is_described_and_has_one_tag(operation_id: str) -> None:
    _, _, operation = OPERATIONS[operation_id]
    assert len(operation["description"].split("Scope:")[0].strip()) >= 10
    [tag] = operation["tags"]
    assert tag in TAGS


def test_each_example_is_of_an_operation_and_each_operation_has_one() -> None:
    assert examples().keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_example_is_answered_as_it_says(operation_id: str, world: World) -> None:
    method, path, operation = OPERATIONS[operation_id]
    example = with_real_ids(examples()[operation_id], world)
    response = send_example(world, operation_id, example)
    status = next(status for status in operation["responses"] if status.startswith("2"))
    assert response.status_code == int(status), response.content
    if method == "get" and "/privacy/me/" not in path and _names_people(response):
        assert StaffRead.objects.filter(page="api").exists(), "It was read, and nobody noted it."
    if "response" not in example:
        # A file, nothing at all, or the whole schema of definitions, which is long.
        assert operation_id.endswith(WITHOUT_JSON)
        return
    answered = response.json()
    _check(answered, operation["responses"][status])
    assert _shape(answered) == _shape(example["response"])


def _names_people(response: Any) -> bool:
    """Whether an answer that is no file has the public UUID of anybody."""
    text = "" if response.streaming else response.content.decode(errors="replace")
    return any(str(uuid) in text for uuid in Profile.objects.values_list("uuid", flat=True))


def _check(answered: Any, response: dict[str, Any]) -> None:
    """Hold an answer against its schema."""
    content = response["content"]["application/json"]["schema"]
    whole = {**content, "components": SCHEMA["components"]}
    Draft202012Validator(whole).validate(answered)


def _shape(value: Any) -> Any:
    """Return a JSON value with the kind of each scalar in its place; lists by their first item."""
    match value:
        case dict():
            return {key: _shape(inner) for key, inner in value.items()}
        case list():
            return [_shape(inner) for inner in value[:1]]
        case str():
            return "time" if re.match(r"\d{4}-\d\d-\d\dT", value) else "text"
        case _:
            return type(value).__name__
