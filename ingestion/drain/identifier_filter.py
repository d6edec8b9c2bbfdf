"""Which identifiers of a message may be used, and what must be cut out of it on behalf of people who were erased."""

from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.messages import Message
from profiles.identifiers.normalisers import is_blocked
from profiles.identifiers.references import Ref
from profiles.identity.engine import Rules
from profiles.lib import exact_json


class Gate:
    """Decides for the messages of one chunk, by rules and suppressions read after the people lock."""

    def __init__(
        self, rules: Rules, blocked: Mapping[str, frozenset[str]], suppressed: Iterable[str]
    ) -> None:
        self.rules = rules
        self.blocked = blocked
        self.suppressed = frozenset(suppressed)
        self._allowed: dict[Ref, bool] = {}

    def passes(self, message: Message) -> Message | None:
        """The message with its usable identifiers, highest first; None where its first one is suppressed."""
        if len(message.refs) == 1 and not self.suppressed and self._is_allowed(message.refs[0]):
            return message
        refs = [ref for ref in message.refs if self._is_allowed(ref)]
        refs.sort(key=self.rules.rank)
        if not self.suppressed:
            return message._replace(refs=tuple(refs))
        if refs and self._is_suppressed(refs[0]):
            return None
        cut = {ref.value for ref in refs if self._is_suppressed(ref)}
        if not cut:
            return message._replace(refs=tuple(refs))
        return message._replace(
            refs=tuple(ref for ref in refs if not self._is_suppressed(ref)),
            traits=_without(message.traits, cut),
            properties=exact_json.dumps_sorted(_without(exact_json.loads(message.properties), cut)),
            context=exact_json.dumps_sorted(_without(exact_json.loads(message.context), cut)),
            raw=b"{}",
        )

    def _is_allowed(self, ref: Ref) -> bool:
        allowed = self._allowed.get(ref)
        if allowed is None:
            extra = self.blocked.get(ref.namespace, frozenset())
            allowed = self._allowed[ref] = not is_blocked(ref.namespace, ref.value, extra)
        return allowed

    def _is_suppressed(self, ref: Ref) -> bool:
        return f"{ref.namespace}:{ref.value}" in self.suppressed


def _without(content: Any, values: set[str]) -> Any:
    """The same content without any text that spells one of the values, whatever its case and blanks."""
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
    plain = content.strip()
    digits = "".join(sign for sign in plain if sign.isdigit() or sign == "+")
    return bool({plain, plain.lower(), digits} & values)
