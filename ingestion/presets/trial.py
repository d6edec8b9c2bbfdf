"""Trying the mapping of a webhook on a pasted delivery, and proposing a first one for it.

Invariant: nothing is stored, and a proposal names only what is in the delivery.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.presets.delivery import Delivery
from ingestion.presets.facts import FactMapping
from ingestion.presets.mapping import HookMessage, map_delivery
from ingestion.presets.presets import load_preset
from profiles.lib import exact_json

MOST_PROPERTIES = 30
_DEPTH = 4
_NO_WORD = re.compile(r"\W+")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Names of keys as tools spell them, without marks and in lower case, the likeliest first.
_IDS = ("id", "uuid", "eventid", "messageid", "orderid", "number")
_TIMES = (
    "occurredat",
    "createdat",
    "updatedat",
    "timestamp",
    "datetime",
    "time",
    "created",
    "date",
)
_PEOPLE: Mapping[str, Sequence[str]] = {
    "user_id": ("userid", "customerid", "customeruserid", "contactid"),
    "email": ("email", "emailaddress", "mail"),
    "phone": ("phone", "phonenumber", "mobile"),
}


@dataclass(frozen=True, slots=True)
class MappingTrial:
    """What a delivery would become. `is_known` says whether the mapping has its kind."""

    kind: str
    messages: Sequence[HookMessage] = ()
    left_out: Sequence[str] = ()
    is_known: bool = True


def try_mapping(
    kinds: Mapping[str, tuple[FactMapping, ...]], content: Mapping[str, Any], *, header: str = ""
) -> MappingTrial:
    """Map a delivery with this `X-Event` header as one that comes is mapped."""
    kind = kind_of(content, header)
    facts = kinds.get(kind) or kinds.get("*")
    if facts is None:
        return MappingTrial(kind, is_known=False)
    mapped = map_delivery("custom", facts, content)
    return MappingTrial(kind, mapped.messages, mapped.left_out)


def kind_of(content: Mapping[str, Any], header: str = "") -> str:
    """Return the kind of a delivery to a webhook of one's own."""
    headers = {"x-event": header} if header else {}
    return load_preset("custom").kind_of(Delivery(b"", headers, content))


def propose_fact(content: Mapping[str, Any], *, header: str = "") -> dict[str, Any]:
    """Return a fact for a delivery: who it is, when, which one, and all else as properties."""
    values = dict(_values(content, (), _DEPTH))
    who = {
        name: path for name, keys in _PEOPLE.items() if (path := _named(values, keys, name)) != ""
    }
    # Of a kind without a letter, and of any kind, there is no name to propose.
    words = re.findall(r"[^\W_]+", kind_of(content, header))
    fact: dict[str, Any] = {"call": "track" if words else "identify"}
    fact["event"] = " ".join(word.capitalize() for word in words)
    fact["id"] = _named(values, _IDS, "id")
    fact["time"] = _time_of(values)
    fact["who"] = who
    used = {fact["id"], _named(values, _TIMES, "time"), *who.values(), "event", "type"}
    rest = [path for path in values if path not in used]
    names = {_NO_WORD.sub("_", path).strip("_"): path for path in rest[:MOST_PROPERTIES]}
    names.pop("", None)
    fact["properties" if words else "traits"] = names
    return {name: value for name, value in fact.items() if value not in ("", {})}


def _values(content: Any, steps: tuple[str, ...], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the expression and the value of each single value in objects."""
    if isinstance(content, Mapping):
        if depth:
            for key, value in content.items():
                yield from _values(value, (*steps, _step(str(key))), depth - 1)
    elif not isinstance(content, list) and content is not None and steps:
        yield ".".join(steps), content


def _step(key: str) -> str:
    if _PLAIN.fullmatch(key):
        return key
    return exact_json.dumps(key)


def _named(values: Mapping[str, Any], keys: Sequence[str], role: str) -> str:
    """Return the expression whose last key is one of these, the least deep first."""
    paths = sorted(values, key=lambda path: path.count("."))
    for key in keys:
        for path in paths:
            *above, last = re.sub(r"[^a-z0-9.]", "", path.lower()).split(".")
            if last == key and (role != "id" or not above):
                return path
            # As in {"customer": {"id": 1}}.
            if role == "user_id" and last == "id" and above[-1:] in (["customer"], ["user"]):
                return path
    return ""


def _time_of(values: Mapping[str, Any]) -> str:
    path = _named(values, _TIMES, "time")
    value = values.get(path)
    if isinstance(value, str) or not path:
        return path
    # From the year 1973 on milliseconds have twelve digits, and seconds for long have fewer.
    return f"epoch_ms({path})" if len(str(value).split(".")[0]) > 11 else f"epoch({path})"
