"""A time without an offset is in UTC at each door of the API, whatever the store's time zone.

On the command line it is in that zone, as in the admin and in the definitions of segments.
"""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.http.examples import examples
from profiles.lib.moments import moment
from tests.config.api_schema import (
    OPERATIONS,
    SCHEMA,
    parameters_of,
    send_example,
    with_real_ids,
)
from tests.config.example_world import World

# A route may refuse what is past or what is to come. Both are less far than the zone is from UTC.
DISTANCES = (timedelta(hours=-1), timedelta(hours=1))


def time_fields() -> Iterator[Any]:
    """Yield each operation with the place and the name of each time that it takes."""
    for operation_id, (_, path, operation) in OPERATIONS.items():
        if path.startswith("/api/"):
            properties = body_properties(operation).items()
            parameters = [(each["name"], each["schema"]) for each in parameters_of(operation)]
            for place, fields in (("parameters", parameters), ("body", properties)):
                for name, schema in fields:
                    if schema.get("format") == "date-time" and not schema.get("readOnly"):
                        yield pytest.param(operation_id, place, name, id=f"{operation_id}-{name}")


def body_properties(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    component = SCHEMA["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2])
    properties: dict[str, Any] = (component or schema).get("properties", {})
    return properties


TIME_FIELDS = list(time_fields())


@pytest.mark.parametrize(("operation_id", "place", "name"), TIME_FIELDS)
def test_a_time_without_an_offset_is_in_utc(
    operation_id: str, place: str, name: str, world: World, settings: Any
) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    example = with_real_ids(examples()[operation_id], world)

    def outcome(time: datetime, suffix: str) -> tuple[int, bool]:
        """Return the status of the answer, and whether the database was given the time."""
        text = f"{time:%Y-%m-%dT%H:%M:%S}"
        sent = {**example, place: {**example.get(place, {}), name: text + suffix}}
        with transaction.atomic(), CaptureQueriesContext(connection) as statements:
            response = send_example(world, operation_id, sent)
            transaction.set_rollback(True)
        sql = " ".join(query["sql"] for query in statements).replace(" ", "T")
        return response.status_code, f"{text}Z" in sql or f"{text}+00:00" in sql

    now = datetime.now(UTC).replace(microsecond=0)
    past, future = ([outcome(now + each, end) for end in ("", "Z")] for each in DISTANCES)
    assert past[0] == past[1]
    assert future[0] == future[1]
    # Else the time could have been read by any zone, and nothing would tell.
    is_told = any(is_given for _, is_given in (past[0], future[0])) or past != future
    assert is_told
    assert min(past[0][0], future[0][0]) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-07-01T09:30", "2026-07-01T07:30:00Z"),
        ("2026-01-01 09:30:00", "2026-01-01T08:30:00Z"),
        ("2026-07-01T09:30Z", "2026-07-01T09:30:00Z"),
        ("2026-07-01T09:30+05:00", "2026-07-01T04:30:00Z"),
    ],
)
def test_a_time_on_the_command_line_is_in_the_zone_of_the_store(
    text: str, expected: str, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Paris"
    assert moment(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-07-01T25:00", "12:00"])
def test_what_is_no_time_is_refused_on_the_command_line(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="no day or time"):
        moment(text)


def test_times_are_taken_at_many_doors() -> None:
    assert len(TIME_FIELDS) > 100
    assert {"parameters", "body"} == {field.values[1] for field in TIME_FIELDS}
