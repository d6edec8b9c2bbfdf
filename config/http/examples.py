"""The example of each operation in the schema, from `examples.yaml` of the app that has the route.

An example is, by operation id, `parameters` (by name), `body` and `response`, each where there is
one. Tests send the request and compare the shape of the answer, so an example cannot go stale.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

APPS = ("profiles", "consent", "ingestion", "segments")


@cache
def examples() -> dict[str, dict[str, Any]]:
    """Return the examples of all apps by operation id."""
    paths = [Path(settings.BASE_DIR, app, "api", "examples.yaml") for app in APPS]
    return {
        operation_id: example
        for path in paths
        for operation_id, example in yaml.safe_load(path.read_text()).items()
    }


def add_example(operation: dict[str, Any]) -> None:
    """Put the example of an operation into its part of the schema, if it has one."""
    example = examples().get(operation["operationId"], {})
    for parameter in operation.get("parameters", ()):
        if parameter.get("name") in example.get("parameters", {}):
            parameter["example"] = example["parameters"][parameter["name"]]
    if "body" in example:
        operation["requestBody"]["content"]["application/json"]["example"] = example["body"]
    if "response" in example:
        for status, response in operation["responses"].items():
            # What is refused in part refers to a response that several operations share.
            if status.startswith("2") and "content" in response:
                response["content"]["application/json"]["example"] = example["response"]
