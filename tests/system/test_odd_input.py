"""No odd value in an address or a body of the API is a server error."""

from typing import Any

import pytest

from config.http.examples import examples
from tests.config.api_schema import OPERATIONS, parameters_of
from tests.config.example_world import World
from tests.system.odd_values import (
    JSON_VALUES,
    TEXTS,
    escaped,
    part_of,
    places_of,
    send,
    with_value,
)

WITH_BODY = [name for name, (_, _, operation) in OPERATIONS.items() if "requestBody" in operation]
TYPES = ("", "text/plain", "text/csv", "a/b; charset=nonsense", "multipart/form-data", "\xe9")


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_no_parameter_of_an_address_is_a_server_error(operation_id: str, world: World) -> None:
    method, path, operation = OPERATIONS[operation_id]
    client = world.customer if "/privacy/me/" in path else world.service
    for parameter in parameters_of(operation):
        name = parameter["name"]
        for text in part_of(TEXTS, f"{operation_id} {name}"):
            if parameter["in"] == "path":
                send(client, method, path.replace(f"{{{name}}}", escaped(text)))
            else:
                address = filled(path, operation_id, world.real)
                send(client, method, f"{address}?{name}={escaped(text)}")


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_no_part_of_a_body_is_a_server_error(operation_id: str, world: World) -> None:
    method, path, _ = OPERATIONS[operation_id]
    client = world.customer if "/privacy/me/" in path else world.service
    address = filled(path, operation_id, world.real)
    body = with_real_ids(examples()[operation_id]["body"], world.real)
    for place in places_of(body):
        for value in part_of(JSON_VALUES, f"{operation_id} {place}"):
            odd = with_value(body, place, value)
            send(client, method, address, odd, content_type="application/json")
    for content_type in TYPES:
        send(client, method, address, b"{}", content_type=content_type)


def filled(path: str, operation_id: str, real: dict[str, str]) -> str:
    """Return the address of an example, with the ids that the store has."""
    for name, value in examples()[operation_id].get("parameters", {}).items():
        path = path.replace(f"{{{name}}}", real.get(str(value), str(value)))
    return path


def with_real_ids(example: Any, real: dict[str, str]) -> Any:
    match example:
        case dict():
            return {key: with_real_ids(value, real) for key, value in example.items()}
        case list():
            return [with_real_ids(value, real) for value in example]
        case _:
            return real.get(example, example) if isinstance(example, str) else example
