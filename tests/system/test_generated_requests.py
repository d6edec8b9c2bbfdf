"""No bad input is a server error, and no answer lies outside of the schema.

Schemathesis makes the requests: the examples, what the schema allows and forbids at its edges, and
random ones. GENERATED_REQUESTS says how many random ones an operation gets; they differ from run to
run where it is set.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis import checks

from tests.config.api_schema import FILE
from tests.config.example_world import World
from tests.tries import SHARE

NUMBER = os.environ.get("GENERATED_REQUESTS", "")
BOUNDED = settings(
    max_examples=int(NUMBER or max(1, round(5 * SHARE))),
    derandomize=not NUMBER,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
API: Any = schemathesis.openapi.from_path(FILE)
API.app = get_wsgi_application()
# Every request is sent with a key and without one.
API.config.generation.update(with_security_parameters=False)


@pytest.fixture(autouse=True)
def few_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have as many codes as a request may ask for be made in no time."""
    monkeypatch.setattr(
        "segments.codes.pools._chance", lambda prefix, length: prefix + "A" * length
    )
    monkeypatch.setattr("segments.codes.pools._insert", lambda row, codes: len(codes))


@API.parametrize()
@BOUNDED
def test_every_answer_is_one_that_the_schema_has(case: Any, world: World) -> None:
    client = world.customer if "/privacy/me/" in case.path else world.service
    key = {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}
    for headers in ({}, key):
        call(case, headers)
    if case.path_parameters:
        case.path_parameters = dict(real_parameters(case, world))
        call(case, key)


def real_parameters(case: Any, world: World) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of the example's address, with the ids that the store has."""
    for parameter in case.operation.path_parameters:
        example = parameter.definition["example"]
        yield parameter.name, world.real.get(example, example)


def call(case: Any, headers: dict[str, str]) -> None:
    """Send the request, hold the answer against the schema, and take back what it changed."""
    # A request must not close the connection, which has the transaction of the test.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with transaction.atomic():
        case.call_and_validate(headers=headers, checks=CHECKS)
        transaction.set_rollback(True)
