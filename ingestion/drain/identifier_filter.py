"""Which identifiers of a message may be used, and what is cut out for erased people."""

from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.drain.configuration import Configuration
from ingestion.messages import Message
from profiles.identifiers.normalisers import is_blocked
from profiles.identifiers.references import Ref
from profiles.lib import exact_json


class IdentifierFilter:
    """Filters the identifiers of a chunk, by rules read after the people lock."""

    def __init__(self, configuration: Configuration, suppressed: Iterable[str]) -> None:
        self._rank = configuration.rules.rank
        self._blocked: Mapping[str, frozenset[str]] = configuration.blocked
        self._suppressed = frozenset(suppressed)
        self._allowed: dict[Ref, bool] = {}

    def filtered(self, message: Message) -> Message | None:
        """Return the message with its usable identifiers, highest first.

        Returns None where its highest identifier is suppressed.

        No identifiers are left where all of them stand for nobody. What spells a suppressed one is
        cut out of the message.
        """
        if len(message.refs) == 1 and not self._suppressed and self._is_allowed(message.refs[0]):
            # By far the most common message: nothing to sort and nothing to cut.
            return message
        refs = sorted((ref for ref in message.refs if self._is_allowed(ref)), key=self._rank)
        if not self._suppressed:
            return message._replace(refs=tuple(refs))
        if refs and self._is_suppressed(refs[0]):
            return None
        suppressed_values = {ref.value for ref in refs if self._is_suppressed(ref)}
        if not suppressed_values:
            return message._replace(refs=tuple(refs))
        return message._replace(
            refs=tuple(ref for ref in refs if not self._is_suppressed(ref)),
            traits=_without(message.traits, suppressed_values),
            properties=_cut_json(message.properties, suppressed_values),
            context=_cut_json(message.context, suppressed_values),
            raw=b"{}",
        )

    def _is_allowed(self, ref: Ref) -> bool:
        allowed = self._allowed.get(ref)
        if allowed is None:
            extra = self._blocked.get(ref.namespace, frozenset())
            allowed = self._allowed[ref] = not is_blocked(ref.namespace, ref.value, extra)
        return allowed

    def _is_suppressed(self, ref: Ref) -> bool:
        return f"{ref.namespace}:{ref.value}" in self._suppressed


def _cut_json(text: str, values: set[str]) -> str:
    return exact_json.dumps(_without(exact_json.loads(text), values))


def _without(content: Any, values: set[str]) -> Any:
    """Return the content without texts that spell a value, whatever their case and blanks."""
    match content:
        case dict():
            return {
                key: _without(inner, values)
                for key, inner in content.items()
                if not _spells(inner, values)
            }
        case list():
            return [_without(inner, values) for inner in content if not _spells(inner, values)]
        case _:
            return content


def _spells(content: Any, values: set[str]) -> bool:
    if not isinstance(content, str):
        return False
    stripped = content.strip()
    digits = "".join(sign for sign in stripped if sign.isdigit() or sign == "+")
    return bool({stripped, stripped.lower(), digits} & values)
