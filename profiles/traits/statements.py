"""What messages state of traits, and where it is stored."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class RecordKey(NamedTuple):
    """The unique key of a source record."""

    profile_id: int
    identifier_id: int
    source_id: int
    trust: int


class TraitStatement(NamedTuple):
    """The traits that one message states. `at` is in epoch microseconds.

    `arrival` is the place of the message among all that arrived.
    """

    key: RecordKey
    traits: Mapping[str, Any]
    at: int
    arrival: int
