"""The OpenAPI schema that lies in the repository, by operation, and how its examples are sent."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from tests.config.example_world import World

FILE = Path(settings.BASE_DIR, "docs", "openapi.yaml")
SCHEMA = yaml.safe_load(FILE.read_text())
# By operation id: the method, the path with its parameters in braces, and the description.
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method, path, operation)
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
}


def parameters_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of an operation, those too that it refers to."""
    shared = SCHEMA["components"]["parameters"]
    return [
        shared[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
        for parameter in operation.get("parameters", ())
    ]


def send_example(world: World, operation_id: str, example: dict[str, Any]) -> Any:
    """Send the request of an example, each parameter where the schema has it."""
    method, path, operation = OPERATIONS[operation_id]
    places = {parameter["name"]: parameter["in"] for parameter in parameters_of(operation)}
    query = {}
    for name, value in example.get("parameters", {}).items():
        if places[name] == "path":
            path = path.replace(f"{{{name}}}", str(value))
        else:
            query[name] = str(value).lower() if isinstance(value, bool) else value
    client = world.customer if "/privacy/me/" in path else world.service
    if method == "get":
        return client.get(path, query)
    return getattr(client, method)(path, example.get("body"), format="json")


def with_real_ids(example: Any, world: World) -> Any:
    """Exchange the ids of an example for those of the store."""
    match example:
        case dict():
            return {key: with_real_ids(value, world) for key, value in example.items()}
        case list():
            return [with_real_ids(value, world) for value in example]
        case _:
            return world.real.get(str(example), example)
