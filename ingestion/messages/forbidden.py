"""Names of properties and traits that are never taken, cut out of messages (pure).

Invariant: no message that is read, and none that is kept as rejected, has a value under such a name
in its traits, its properties or the traits of its context, at any depth. Names are compared as they
are written: `SSN` is another one than `ssn`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

PARTS = ("traits", "properties")
EMPTIED = b"{}"


class Forbidden(NamedTuple):
    """The names, and how each may stand in a text."""

    names: frozenset[str] = frozenset()
    spellings: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> "Forbidden":
        """Return the names ready to cut by."""
        chosen = frozenset(names)
        return cls(chosen, tuple(exact_json.dump_bytes(name)[1:-1] for name in sorted(chosen)))

    def cut(self, raw: bytes) -> tuple[bytes, int]:
        """Return a message without the names, and how many values were cut out."""
        if not self._may_be_in(raw):
            return raw, 0
        try:
            return self._cut(raw)
        except UnreadableJSON:
            # It will be rejected for that, and then kept by `kept`.
            return raw, 0

    def kept(self, raw: bytes) -> bytes:
        """Return what may be kept of a rejected message: nothing where a name cannot be cut out."""
        if not self.names:
            return raw
        try:
            return self._cut(raw)[0]
        except UnreadableJSON:
            return EMPTIED if any(name in raw for name in self.spellings) else raw

    def _cut(self, raw: bytes) -> tuple[bytes, int]:
        message = exact_json.read(raw, keeps_numbers=True)
        whole, count = self._without(message) if isinstance(message, dict) else (message, 0)
        return (exact_json.dump_bytes(whole), count) if count else (raw, 0)

    def cut_context(
        self, context: Mapping[str, Any] | None
    ) -> tuple[Mapping[str, Any] | None, int]:
        """Return the context of a batch without the names, and how many values were cut out."""
        if not self.names or context is None:
            return context, 0
        traits, count = _cut(context.get("traits"), self.names)
        return ({**context, "traits": traits}, count) if count else (context, 0)

    def _may_be_in(self, raw: bytes) -> bool:
        # Most messages have none: they are not decoded. An escape may be a letter of a name.
        return any(name in raw for name in self.spellings) or (bool(self.names) and b"\\" in raw)

    def _without(self, message: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        whole, total = dict(message), 0
        for part in PARTS:
            if part in whole:
                whole[part], count = _cut(whole[part], self.names)
                total += count
        if isinstance(whole.get("context"), dict):
            whole["context"], count = self.cut_context(whole["context"])
            total += count
        return whole, total


class ForbiddenBySource(NamedTuple):
    """The names that are forbidden of all sources, and with them those of some."""

    of_all: Forbidden = Forbidden()
    by_source: Mapping[int, Forbidden] = MappingProxyType({})

    def of(self, source_id: int) -> Forbidden:
        """Return the names that hold for a source."""
        return self.by_source.get(source_id, self.of_all)


def without_names(value: Any, names: frozenset[str]) -> Any:
    """Return a value without what stands under the names."""
    return _cut(value, names)[0]


def _cut(value: Any, names: frozenset[str]) -> tuple[Any, int]:
    """Return a value without what stands under the names, and how many values that were."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name not in names}
        cut = {name: _cut(inner, names) for name, inner in kept.items()}
        count = len(value) - len(kept) + sum(number for _, number in cut.values())
        return {name: inner for name, (inner, _) in cut.items()}, count
    if isinstance(value, list):
        items = [_cut(inner, names) for inner in value]
        return [inner for inner, _ in items], sum(number for _, number in items)
    return value, 0
