"""Who receives data, as the apps above declare it: destinations, webhooks."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Recipient(NamedTuple):
    """One receiver: its name, what it is, the host or tool, and the key of its purpose if any."""

    name: str
    kind: str
    place: str
    purpose: str


_sources: list[Callable[[], Iterable[Recipient]]] = []


def declare_recipients(source: Callable[[], Iterable[Recipient]]) -> None:
    """From now on the register names what `source` returns."""
    _sources.append(source)


def all_recipients() -> list[Recipient]:
    return sorted(recipient for source in _sources for recipient in source())
