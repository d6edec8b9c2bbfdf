"""Personal data as lines that anybody can read, in the language that is active."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from consent.requests.archives.collecting import Row
from consent.requests.archives.names import LABELS, TRAIT_LABELS
from profiles.models import TraitDefinition

# The sections that are shown in a way of their own.
# The sections in which sources state traits.
RECORDS = ("What sources say", "What sources say of special kinds")
SEGMENTS = "Segments"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Source(NamedTuple):
    """Which source stated a value, when, and whose data it is (`Party`)."""

    name: str
    at: datetime
    party: str


@dataclass(frozen=True, slots=True)
class TraitWords:
    """A golden trait as text, with the sources that state it. `kind` says how it is typed in."""

    key: str
    label: str
    value: str
    kind: str
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class GroupWords:
    """A segment that the person is in, and why."""

    name: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class SectionWords:
    """Rows of one kind, each a sequence of (label, text). `count` is that of all there are."""

    title: str
    count: int
    rows: Sequence[Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class PersonWords:
    """All that is held about a person, in words."""

    traits: Sequence[TraitWords]
    groups: Sequence[GroupWords]
    sections: Sequence[SectionWords]


def person_in_words(
    traits: Mapping[str, Any], sections: Mapping[str, Sequence[Row]], counts: Mapping[str, int]
) -> PersonWords:
    """Return golden traits and the first rows of each section; `counts` is how many there are."""
    return PersonWords(
        traits=_traits_in_words(
            traits, [row for title in RECORDS for row in sections.get(title, ())]
        ),
        groups=[_group_in_words(row) for row in sections.get(SEGMENTS, ())],
        sections=[
            SectionWords(
                pgettext("title of data", title), counts[title], [list(_lines(row)) for row in rows]
            )
            for title, rows in sections.items()
            if rows and title not in (*RECORDS, SEGMENTS)
        ],
    )


def _traits_in_words(traits: Mapping[str, Any], records: Collection[Row]) -> list[TraitWords]:
    # Each with the sources that state this very value.
    given = TraitDefinition.objects.filter(key__in=traits).exclude(label="")
    labels = dict(given.values_list("key", "label"))
    return [
        TraitWords(
            key,
            labels.get(key) or _trait_label(key),
            text_of(value),
            _kind(value),
            _sources(key, value, records),
        )
        for key, value in sorted(traits.items())
    ]


def _trait_label(key: str) -> str:
    """Return what a trait is called that has no label; `firstName` is `first_name`."""
    words = _CAMEL.sub("_", key).lower()
    return str(TRAIT_LABELS.get(words) or _spaced(words))


def _group_in_words(membership: Row) -> GroupWords:
    since = text_of(membership["entered_at"])
    return GroupWords(membership["name"], since, membership.get("rule", ""))


def _sources(key: str, value: object, records: Collection[Row]) -> list[Source]:
    return [
        Source(record["source"], stated["at"], stated["party"])
        for record in records
        if (stated := record["traits"].get(key)) is not None and stated["value"] == value
    ]


def _kind(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "text"
        case _:
            # Lists and objects are corrected by staff.
            return ""


def _lines(row: Row) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if value not in (None, "", [], {}):
            yield str(LABELS.get(name, _spaced(name))), text_of(value)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def text_of(value: object) -> str:
    """Return a value as people write it, in their language."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case datetime():
            return _time_text(value)
        case date():
            return formats.date_format(value, "SHORT_DATE_FORMAT")
        case str():
            at = _time_in(value)
            return value if at is None else _time_text(at)
        case Mapping():
            parts = ((_spaced(str(key)), text_of(part)) for key, part in value.items())
            return ", ".join(f"{label}: {text}" for label, text in parts)
        case list() | tuple():
            return ", ".join(map(text_of, value))
        case _:
            return str(value)


def _time_in(text: str) -> datetime | None:
    """Return the time with a zone that a text is, if it is one."""
    try:
        at = parse_datetime(text) if len(text) > 16 else None
    except ValueError:
        # It looks like a time that there is not, such as one on 30 February.
        return None
    return at if at is not None and at.tzinfo else None


def _time_text(at: datetime) -> str:
    try:
        local = timezone.localtime(at)
    except OverflowError:
        # The last hours of the last year that there is are after it here.
        return at.isoformat()
    return f"{text_of(local.date())} {formats.date_format(local, 'H:i')}"
