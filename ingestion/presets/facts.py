"""What a mapping says of each fact of a delivery: which message it becomes.

Invariant: what is parsed can be evaluated on any delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingestion.messages.wire import MAX_NAME
from profiles.lib.expressions import WrongExpression, compiled

CALLS = ("identify", "track")
_FIELDS = frozenset({"call", "id", "event", "when", "each", "time", "who", "verified"})
_FIELDS |= {"properties", "traits", "consents", "order", "refund_of"}
MAX_EXPRESSION = 20_000
_EXPRESSIONS = ("id", "time", "when", "each", "verified", "order", "refund_of")
_NAMES = frozenset({"user_id", "anonymous_id", "email", "phone", "identifiers"})


class WrongMapping(ValueError):
    """A mapping is refused, with the path of the fault."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path, self.detail = path, detail


@dataclass(frozen=True, slots=True)
class FactMapping:
    """Which message one fact of a delivery becomes; all texts are expressions.

    `each` is a list, of which `item` is one. `verified` says whether the tool vouches for who it
    is: what a visitor typed is a claim. `order` is the reference by which the tool names an order
    later, in a `refund_of`, which may name nobody and no tax: it is the buyer's of that order, and
    `sold` has its `goods` and `total`, where they are known.
    """

    call: str
    id: str
    time: str
    who: Mapping[str, Any] = field(default_factory=dict)
    event: str = ""
    when: str = ""
    each: str = ""
    verified: str = "`false`"
    order: str = ""
    refund_of: str = ""
    properties: Mapping[str, Any] | str = field(default_factory=dict)
    traits: Mapping[str, Any] | str = field(default_factory=dict)
    consents: Mapping[str, str] | str = field(default_factory=dict)


def parse_facts(content: Any, path: str) -> tuple[FactMapping, ...]:
    """Parse the facts of one kind of delivery. Raises WrongMapping."""
    if not isinstance(content, list) or not content:
        raise WrongMapping(path, "a list of facts")
    return tuple(_fact(fact, f"{path}[{place}]") for place, fact in enumerate(content))


def _fact(content: Any, path: str) -> FactMapping:
    if not isinstance(content, dict):
        raise WrongMapping(path, "an object")
    if unknown := sorted(set(content) - _FIELDS):
        raise WrongMapping(f"{path}.{unknown[0]}", f"one of {', '.join(sorted(_FIELDS))}")
    if content.get("call") not in CALLS:
        raise WrongMapping(f"{path}.call", f"one of {', '.join(CALLS)}")
    for name in ("id", "time", *content):
        if name in _EXPRESSIONS and not isinstance(content.get(name), str):
            raise WrongMapping(f"{path}.{name}", "an expression")
    who = content.get("who", {})
    is_named = bool(who) or "refund_of" in content
    if not isinstance(who, dict) or not is_named or set(who) - _NAMES:
        raise WrongMapping(f"{path}.who", f"an object of {', '.join(sorted(_NAMES))}")
    if not isinstance(who.get("identifiers", {}), dict):
        raise WrongMapping(f"{path}.who.identifiers", "an object of names and expressions")
    for name in who:
        if name != "identifiers" and not isinstance(who[name], str):
            raise WrongMapping(f"{path}.who.{name}", "an expression")
    if content["call"] == "track" and not _is_event_name(content.get("event")):
        raise WrongMapping(f"{path}.event", f"the name of the event, of {MAX_NAME} signs at most")
    for name, value in content.items():
        if name not in ("call", "event"):
            _check_expressions(value, f"{path}.{name}")
    return FactMapping(**content)


def _is_event_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= MAX_NAME


def _check_expressions(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_expressions(inner, f"{path}.{name}")
    elif isinstance(value, str) and len(value) <= MAX_EXPRESSION:
        try:
            compiled(value)
        except WrongExpression as error:
            raise WrongMapping(path, str(error)) from None
    else:
        raise WrongMapping(path, f"an expression of {MAX_EXPRESSION} signs at most")
