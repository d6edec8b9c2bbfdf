"""How the values of two people are compared, as levels from the same to different.

Invariant: a list of values agrees with another as its two nearest values do.
"""

from collections.abc import Sequence
from string import Template
from typing import Any

from profiles.matching.fields import Field
from profiles.matching.learning import MISSING, Chances

# Of a stored model: another number has it trained anew.
SHAPE = 1

_MISSING = "${f}_l IS NULL OR ${f}_r IS NULL"
_SAME = "${f}_first_l = ${f}_first_r OR list_has_any(${f}_l, ${f}_r)"
# From the nearest; what remains is different.
_TEXT = (_SAME, "similarity(${f}_l, ${f}_r) >= 0.92", "similarity(${f}_l, ${f}_r) >= 0.8")
_CODE = (_SAME, "edits(${f}_l, ${f}_r) <= 1", "edits(${f}_l, ${f}_r) <= 2")
_MAIL = (
    _SAME,
    "list_has_any(mail_names(${f}_l), mail_names(${f}_r))",
    "edits(${f}_l, ${f}_r) <= 2",
)
_LEVELS: dict[Field, Sequence[str]] = {
    Field.GIVEN_NAME: _TEXT,
    Field.SURNAME: _TEXT,
    Field.BIRTH_DATE: _CODE,
    Field.EMAIL: _MAIL,
    Field.PHONE: _CODE,
    Field.STREET: _TEXT,
    Field.POSTCODE: _CODE,
    Field.CITY: _TEXT,
    Field.NATIONAL_ID: _CODE,
}
_SIDES = Template(
    "l.$f AS ${f}_l, r.$f AS ${f}_r, l.${f}_first AS ${f}_first_l, r.${f}_first AS ${f}_first_r"
)
_PATTERNS = Template(
    "SELECT $levels, count(*) FROM (SELECT $sides FROM compared l JOIN compared r "
    "ON l.${block}_first = r.${block}_first AND l.unique_id < r.unique_id LIMIT $most) "
    "GROUP BY ALL ORDER BY ALL"
)


def comparison(field: Field, m: Sequence[float] = (), u: Sequence[float] = ()) -> dict[str, Any]:
    """Return the comparison of a field as Splink's settings have it, with its chances if given."""
    conditions = [*_LEVELS[field], "ELSE"]
    levels = [
        {"sql_condition": Template(condition).substitute(f=field.value)} for condition in conditions
    ]
    missing = Template(_MISSING).substitute(f=field.value)
    chances = [
        {"m_probability": one, "u_probability": other} for one, other in zip(m, u, strict=True)
    ] or [{}] * len(levels)
    return {
        "output_column_name": field.value,
        "comparison_levels": [
            {"sql_condition": missing, "is_null_level": True},
            *({**level, **chance} for level, chance in zip(levels, chances, strict=True)),
        ],
    }


def patterns_statement(fields: Sequence[Field], block: Field, *, most: int) -> str:
    """Return DuckDB's statement that counts the patterns of pairs with the same value of `block`.

    A column for each field has its level, and the last one the number of pairs.
    """
    return _PATTERNS.substitute(
        levels=", ".join(_level_of(field) for field in fields),
        sides=", ".join(_SIDES.substitute(f=field.value) for field in fields),
        block=block.value,
        most=most,
    )


def u_of(settings: dict[str, Any], fields: Sequence[Field], *, least: float) -> Chances:
    """Return the chances that Splink found among pairs drawn at random; at least `least` each."""
    by_field = {each["output_column_name"]: each for each in settings["comparisons"]}
    return [
        [
            # Of a level that no pair had, Splink gives none.
            max(float(level.get("u_probability") or 0), least)
            for level in by_field[field.value]["comparison_levels"]
            if not level.get("is_null_level")
        ]
        for field in fields
    ]


def _level_of(field: Field) -> str:
    whens = [f"WHEN {condition} THEN {place}" for place, condition in enumerate(_LEVELS[field])]
    cases = " ".join([f"WHEN {_MISSING} THEN {MISSING}", *whens])
    return Template(f"CASE {cases} ELSE {len(_LEVELS[field])} END").substitute(f=field.value)
