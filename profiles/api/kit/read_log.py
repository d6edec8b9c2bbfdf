"""The log of what services read of people: written before the answer leaves.

Invariant: whatever address it is, an answer to an API key that names people by their public UUIDs
is in the log. Writes that only answer with whom they were about are not reads.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from profiles.audit import Actor
from profiles.models import ApiKey
from profiles.models.access import Scope
from profiles.reading import note_service_read

# Under these keys any answer names people.
NAMING = frozenset({"profile", "profiles"})
_DEEPEST = 4


def note_answer(
    request: Request,
    response: Any,
    scope: Scope | None,
    *,
    naming: Container[str],
    shown: Iterable[str],
) -> None:
    """Note whom an answer shows: under the `naming` keys, and `shown`, whom it leaves unnamed.

    `scope` is what the key needed. People are named by their public UUIDs.
    """
    is_read = request.method == "GET" or str(scope).endswith(":read")
    if not is_read or not isinstance(request.auth, ApiKey) or response.status_code >= 300:
        return
    content = response.data if isinstance(response, Response) else None
    if uuids := {*_uuids_in(content, naming), *shown}:
        note_service_read(uuids, reader=Actor.service(request.auth))


def _uuids_in(content: Any, naming: Container[str], depth: int = 0) -> Iterator[str]:
    if isinstance(content, list | tuple):
        for each in content:
            yield from _uuids_in(each, naming, depth)
    elif isinstance(content, Mapping) and depth < _DEEPEST:
        for key, value in content.items():
            if key in naming:
                yield from _uuids(value)
            else:
                yield from _uuids_in(value, naming, depth + 1)


def _uuids(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list | tuple) else (value,):
        # The length of a UUID: other ids are numbers or keys.
        if isinstance(each, UUID) or (isinstance(each, str) and len(each) == 36):
            yield str(each)
