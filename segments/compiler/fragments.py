"""Pieces of SQL with their parameters.

Invariant: text comes only from constant templates in this package; whatever a definition, a clock or a caller gives travels as a
parameter, in the order of its placeholder.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter

NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL text with `%s` placeholders, and their values."""

    text: str
    params: tuple[object, ...] = ()


TRUE = Fragment("TRUE")
FALSE = Fragment("FALSE")


def fill(template: str, **parts: object) -> Fragment:
    """The constant template with each `{name}` replaced: by a fragment's own text, anything else by a parameter."""
    text: list[str] = []
    params: list[object] = []
    for literal, name in _split(template):
        text.append(literal)
        if name is None:
            continue
        part = parts[name]
        if isinstance(part, Fragment):
            text.append(part.text)
            params += part.params
        else:
            text.append("%s")
            params.append(part)
    return Fragment("".join(text), tuple(params))


@cache
def _split(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


def joined(separator: str, parts: Iterable[Fragment]) -> Fragment:
    """The fragments one after another, a constant between them."""
    found = list(parts)
    return Fragment(
        separator.join(part.text for part in found),
        tuple(param for part in found for param in part.params),
    )


def all_of(parts: Sequence[Fragment]) -> Fragment:
    return fill("({parts})", parts=joined(" AND ", parts)) if parts else TRUE


def any_of(parts: Sequence[Fragment]) -> Fragment:
    return fill("({parts})", parts=joined(" OR ", parts)) if parts else FALSE


def negated(part: Fragment) -> Fragment:
    return fill("(NOT {part})", part=part)


def fill_named(text: str, values: Mapping[str, object]) -> Fragment:
    """A constant with `%(name)s` placeholders, as the gate of consent is written."""
    return Fragment(
        NAMED.sub("%s", text), tuple(values[found[1]] for found in NAMED.finditer(text))
    )
