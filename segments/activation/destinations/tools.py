"""What a tool is, and which there are: each folder beside this module that has a `tool.py`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.functional import Promise

from segments.activation.destinations.exchange import Exchange, Reply

ROOT = Path(__file__).parent
ADDRESS = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What staff tell of an account at a tool. One of `choices`, where there are any.

    `fault_of` returns what is wrong with a value, empty where nothing is.
    """

    name: str
    label: str | Promise
    default: str = ""
    choices: tuple[str, ...] = ()
    is_secret: bool = False
    is_required: bool = True
    is_long: bool = False
    fault_of: Callable[[str], str] = lambda text: ""


class Item(NamedTuple):
    """Somebody at a tool: the key here, what is sent of them, and the id of the delivery."""

    key: UUID
    fields: Mapping[str, Any]
    message: str


# Whom a tool did not take, by key: a word or status for each that names nobody.
Faults = Mapping[UUID, str]
Send = Callable[[Exchange, Sequence[Item]], Faults]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool: its settings, its mapping, its limits and its calls.

    A mapping has some of `fields`, or any where there are none. The first field of `identifies`
    that somebody has is what the tool knows them by; without any they are not sent. `prepare`
    normalises what a mapping found. `put` writes people, `take_out` takes those out who have left,
    and `forget` deletes who was erased; these two get the identifying field alone. They raise
    CallFailed where the tool took nobody. `check` tries the account without any person. What is not
    `is_state` is told of entries as they happen, and of nothing that people only turn out to be.
    Once all that waits is sent, more is gathered for `seconds_between_runs` of the settings.
    """

    key: str
    title: str | Promise
    settings: tuple[Setting, ...]
    mapping: Mapping[str, Any]
    identifies: tuple[str, ...]
    put: Send
    take_out: Send
    forget: Send
    check: Callable[[Exchange], Reply]
    fields: frozenset[str] = frozenset()
    prepare: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    batch_size: int = 1
    removal_size: int = 1
    seconds_between_calls: float = 0.1
    is_state: bool = True
    seconds_between_runs: Callable[[Mapping[str, str]], float] = lambda settings: 0.0
    sizes_batch: Callable[[Mapping[str, str]], int] | None = field(default=None)

    def size_of_batch(self, settings: Mapping[str, str], *, is_removal: bool) -> int:
        """Return how many people one call may be about."""
        if self.sizes_batch is not None:
            return self.sizes_batch(settings)
        return self.removal_size if is_removal else self.batch_size


@cache
def tool_keys() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in ROOT.glob("*/tool.py")))


@cache
def load_tool(key: str) -> Tool:
    """Return a tool. Raises LookupError where there is none."""
    if key not in tool_keys():
        raise LookupError(key)
    tool: Tool = import_module(f"segments.activation.destinations.{key}.tool").TOOL
    return tool
