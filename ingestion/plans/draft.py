"""The first draft of a plan, from what a source sent (pure).

Invariant: every message that a draft was made from keeps to it, and a draft has names and types
alone, never a value. A name that may be a value, such as an address or a number, is left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ingestion.messages import Message
from ingestion.plans.content import CALLS, MAX_BYTES, MAX_EVENTS, MAX_NAME, Policy
from ingestion.plans.judge import judged_part, only_states_consents
from profiles.lib import exact_json

DEPTHS = (3, 2, 1, 0)  # how deep a draft looks: what is too large is said more shallowly
MAX_SCHEMAS = 500  # of one event
MAX_PROPERTIES = 100  # an object with more is taken for a table of keys
MAX_KEY = 64
MAX_DIGITS = 4  # more are a number of somebody or something


def draft_of(messages: Iterable[Message], names: Iterable[str] = ()) -> dict[str, Any]:
    """Return the content of a plan that flags what the messages had none of.

    `names` are events that are known without a message that could be read.
    """
    tracks: dict[str, _Shape] = defaultdict(_Shape)
    calls: dict[str, _Shape] = defaultdict(_Shape)
    for message in messages:
        is_track = message.type == "track"
        if only_states_consents(message) or not (is_track or message.type in CALLS):
            continue
        shape = tracks[message.name] if is_track else calls[message.type]
        shape.add(judged_part(message)[0])
    for name in names:
        tracks[name].is_whole = False
    return _content(_most_seen(tracks), calls)


def _most_seen(tracks: Mapping[str, "_Shape"]) -> dict[str, "_Shape"]:
    named = Counter(
        {name: shape.count for name, shape in tracks.items() if _is_name(name, MAX_NAME)}
    )
    return {name: tracks[name] for name, _ in named.most_common(MAX_EVENTS)}


def _content(tracks: Mapping[str, "_Shape"], calls: Mapping[str, "_Shape"]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for deepest in DEPTHS:
        content = {
            "policy": Policy.FLAG,
            "unplanned": Policy.ALLOW,
            "events": {name: {"schema": _schema(tracks[name], deepest)} for name in sorted(tracks)},
            "calls": {name: {"schema": _schema(calls[name], deepest)} for name in sorted(calls)},
        }
        # Half of what fits, so that there is room to go on.
        if len(exact_json.dump_bytes(content)) <= MAX_BYTES // 2:
            break
    return content


def _schema(shape: "_Shape", deepest: int) -> dict[str, Any]:
    if not shape.is_whole:
        return {"type": "object"}
    schemas = (shape.schema(depth) for depth in DEPTHS if depth <= deepest)
    return next(schema for schema in schemas if _size(schema) <= MAX_SCHEMAS)


def _size(schema: Mapping[str, Any]) -> int:
    inner = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    return 1 + sum(map(_size, inner))


@dataclass(slots=True)
class _Shape:
    """What the values of one place had in common."""

    count: int = 0
    objects: int = 0
    types: set[str] = field(default_factory=set)
    properties: dict[str, "_Shape"] = field(default_factory=dict)
    items: "_Shape | None" = None
    is_whole: bool = True  # whether all that is known of the place was read

    def add(self, value: Any, depth: int = max(DEPTHS)) -> None:
        self.count += 1
        self.types.add(_type_of(value))
        if isinstance(value, dict):
            self.objects += 1
            for name, inner in value.items() if depth else ():
                self.properties.setdefault(name, _Shape()).add(inner, depth - 1)
        elif isinstance(value, list) and depth:
            self.items = self.items or _Shape()
            for inner in value:
                self.items.add(inner, depth - 1)

    def schema(self, depth: int) -> dict[str, Any]:
        """Return what a value must be like, to a depth."""
        types = sorted(self.types)
        schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
        if depth and self.properties and len(self.properties) <= MAX_PROPERTIES:
            schema |= self._members(depth)
        if depth and self.items is not None and self.items.types:
            schema["items"] = self.items.schema(depth - 1)
        return schema

    def _members(self, depth: int) -> dict[str, Any]:
        names = sorted(name for name in self.properties if _is_name(name, MAX_KEY))
        required = [name for name in names if self.properties[name].count == self.objects]
        members = {name: self.properties[name].schema(depth - 1) for name in names}
        return {
            name: value
            for name, value in (("required", required), ("properties", members))
            if value
        }


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float() | Decimal():
            # A price of 20 does not say that none has cents.
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _is_name(text: str, longest: int) -> bool:
    """Whether a text can only be a name that somebody gave to a kind of thing."""
    is_short = 0 < len(text) <= longest
    digits = sum(character.isdigit() for character in text)
    return is_short and digits <= MAX_DIGITS and text[0].isalpha() and "@" not in text
