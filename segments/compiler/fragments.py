"""Pieces of SQL with their parameters.

Invariant: text comes only from constant templates in this package. Whatever a definition, a clock
or a caller provides becomes a parameter, in the order of the placeholders.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any

NAMED_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL text with `%s` placeholders, and their values, of any type that psycopg can adapt."""

    text: str
    params: tuple[Any, ...] = ()


TRUE = Fragment("TRUE")
FALSE = Fragment("FALSE")


def fill(template: str, **parts: object) -> Fragment:
    """Return a constant template with each `{name}` replaced.

    A fragment is replaced by its text, anything else by a placeholder with the value as parameter.
    """
    text: list[str] = []
    params: list[object] = []
    for literal, name in _split(template):
        text.append(literal)
        # The text after the last placeholder.
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
    # Cached: there are a few dozen templates, and a definition fills some hundreds of times.
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


def join_fragments(separator: str, fragments: Iterable[Fragment]) -> Fragment:
    """Return the fragments one after another, with a constant text between them."""
    parts = list(fragments)
    return Fragment(
        separator.join(part.text for part in parts),
        tuple(param for part in parts for param in part.params),
    )


def all_of(conditions: Sequence[Fragment]) -> Fragment:
    """Return the conjunction, TRUE if there are no conditions."""
    return fill("({parts})", parts=join_fragments(" AND ", conditions)) if conditions else TRUE


def any_of(conditions: Sequence[Fragment]) -> Fragment:
    """Return the disjunction, FALSE if there are no conditions."""
    return fill("({parts})", parts=join_fragments(" OR ", conditions)) if conditions else FALSE


def negate(condition: Fragment) -> Fragment:
    """Return the negation of a condition that is never NULL."""
    return fill("(NOT {part})", part=condition)


def fill_named(text: str, values: Mapping[str, object]) -> Fragment:
    """Return a fragment of a constant text with `%(name)s` placeholders, as consent's gate has."""
    return Fragment(
        NAMED_PLACEHOLDER.sub("%s", text),
        tuple(values[match[1]] for match in NAMED_PLACEHOLDER.finditer(text)),
    )
