"""The fields of mails: `{{ first_name | there }}` is a trait, or what stands there without it.

A name with a dot is no trait: `company.name` and `link.unsubscribe` always have a value, and need
nothing to stand there without them; `code.POOL` is the code of a pool that the person was given.

Invariant: a field never fails, and its value is text on one line: nothing of it is read as a field,
as a header or as markup.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import override

COMPANY, UNSUBSCRIBE = "company.name", "link.unsubscribe"
ALWAYS_THERE = (COMPANY, UNSUBSCRIBE)
_TRAIT = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
# A code of a pool; the key of the pool stands behind the dot.
_CODE = "code."
_DOTTED = "|".join(map(re.escape, ALWAYS_THERE)) + r"|code\.[a-z][a-z0-9_-]{0,62}"
FIELD = re.compile(r"\{\{ *(" + _DOTTED + "|" + _TRAIT + r") *(?:\| *([^{}|\n]{0,200}?) *)?\}\}")
HOW = "A field is written {{ name | what stands there without it }}."
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Values:
    """What fields say of one person: their traits, and texts by the names with a dot.

    `dates` are the keys of traits whose values are days, which are written out in `language`.
    """

    traits: Mapping[str, Any]
    texts: Mapping[str, str] = field(default_factory=dict)
    dates: frozenset[str] = frozenset()
    language: str = "en"

    def of(self, name: str, fallback: str | None) -> str:
        """Return what a field says."""
        if "." in name:
            return self.texts.get(name) or fallback or ""
        return _written(self.traits.get(name), name in self.dates, self.language) or fallback or ""


def filled(text: str, values: Values) -> str:
    """Return a text with the values of a person in its fields."""
    return FIELD.sub(lambda match: values.of(match[1], match[2]), text)


def field_faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the fields of a text."""
    for match in FIELD.finditer(text):
        if match[2] is None and match[1] not in ALWAYS_THERE:
            yield f"The field {match[1]} says nothing for whoever lacks it. {HOW}"
    # Whatever is left of braces once the fields are taken out.
    if "{{" in FIELD.sub("", text):
        yield f"{HOW} Without a trait: {', '.join(ALWAYS_THERE)}."


def code_texts(codes: Mapping[str, str]) -> dict[str, str]:
    """Return what the fields of codes say, from a person's codes by the key of their pool."""
    return {f"{_CODE}{pool}": text for pool, text in codes.items()}


def pools_in(text: str) -> list[str]:
    """Return the keys of the pools that a text has fields for."""
    names = (match[1] for match in FIELD.finditer(text))
    return [name.removeprefix(_CODE) for name in names if name.startswith(_CODE)]


def traits_in(text: str) -> list[str]:
    """Return the keys of the traits that a text has fields for."""
    return [match[1] for match in FIELD.finditer(text) if "." not in match[1]]


def _written(trait: Any, is_date: bool, language: str) -> str:
    if isinstance(trait, bool) or not isinstance(trait, str | int | float):
        return ""
    if isinstance(trait, float):
        with override(language):
            return str(number_format(trait, use_l10n=True, force_grouping=False))
    if is_date and isinstance(trait, str):
        return _day(trait, language)
    # On one line: a subject with a second line would be a header.
    return " ".join(str(trait).split())[:LONGEST]


def _day(text: str, language: str) -> str:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return " ".join(text.split())[:LONGEST]
    with override(language):
        return str(date_format(day, "j F Y"))
