"""The fields of mails: `{{ first_name | there }}` is a trait, or what stands there without it.

Invariant: a field never fails, and a trait is text: nothing of it is read as a field or a header.
"""

import re
from collections.abc import Mapping
from typing import Any

FIELD = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_]{0,62}) *\| *([^{}|\n]{0,200}?) *\}\}")


def filled(text: str, traits: Mapping[str, Any]) -> str:
    """Return a text with the traits of a person in its fields."""
    return FIELD.sub(lambda field: _value(traits.get(field[1])) or field[2], text)


def _value(trait: Any) -> str:
    if isinstance(trait, bool) or not isinstance(trait, str | int | float):
        return ""
    # On one line: a subject with a second line would be a header.
    return " ".join(str(trait).split())[:200]
