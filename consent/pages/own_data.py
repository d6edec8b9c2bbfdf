"""What is held about a customer, in lines that anybody can read.

Invariant: only what the proved identifier reaches is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from consent import services
from consent.models import ConsentEvent, LegalBasis, Purpose, PurposeVersion, State
from consent.requests.subjects import Subject
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock

# Of each section the newest rows are shown; the archive has all of them.
MAX_ROWS = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECORDS, SEGMENTS, CONSENTS = "What sources say", "Segments", "Consents"
# Titles of sections and names of fields, marked here so that translations can be found.
WORDS = [
    gettext_noop("Identifiers"),
    gettext_noop("Events"),
    gettext_noop("Corrections"),
    gettext_noop("Segments entered and left"),
    gettext_noop("name"),
    gettext_noop("value"),
    gettext_noop("source"),
    gettext_noop("timestamp"),
    gettext_noop("properties"),
    gettext_noop("context"),
    gettext_noop("namespace"),
]
# The legal bases of article 6, likewise.
BASES = [
    gettext_noop("consent"),
    gettext_noop("contract"),
    gettext_noop("legal obligation"),
    gettext_noop("vital interest"),
    gettext_noop("public task"),
    gettext_noop("legitimate interest"),
]


class Source(NamedTuple):
    """Which source stated a value, and when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ShownTrait:
    """A golden trait as text, with the sources that state it. `kind` says how it is typed in."""

    key: str
    label: str
    value: str
    kind: str
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class Group:
    """A segment that the customer is in, and in words why."""

    name: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownSection:
    """Rows of one kind, each a sequence of (label, text). `count` is that of all there are."""

    title: str
    count: int
    rows: Sequence[Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class OwnData:
    """All that is shown on the page of a customer's data."""

    is_whole: bool
    traits: Sequence[ShownTrait]
    groups: Sequence[Group]
    sections: Sequence[ShownSection]


@dataclass(frozen=True, slots=True)
class Permission:
    """A purpose with the very text that is agreed to, and what the customer has said to it."""

    key: str
    title: str
    text: str
    basis: str
    is_asked: bool
    is_permitted: bool
    since_words: str
    # The event of which a receipt can be had; None where nothing was ever said.
    receipt_id: UUID | None


def own_data(subject: Subject, identifier_id: int) -> OwnData:
    """Return what is held about the first person of a subject, who is not nobody."""
    preview = _preview(subject, identifier_id)
    sections: Mapping[str, Sequence[Mapping[str, Any]]] = preview["sections"]
    return OwnData(
        is_whole=preview["is_whole"],
        traits=list(_traits(preview["traits"], sections.get(RECORDS, ()))),
        groups=[
            Group(row["name"], text_of(row["entered_at"]), row.get("rule", ""))
            for row in sections.get(SEGMENTS, ())
        ],
        sections=[
            ShownSection(_(title), preview["counts"][title], [list(_lines(row)) for row in rows])
            for title, rows in sections.items()
            if rows and title not in (RECORDS, SEGMENTS)
        ],
    )


def _preview(subject: Subject, identifier_id: int) -> dict[str, Any]:
    with transaction.atomic():
        if not subject.is_whole:
            # Reading a part moves identifiers for a moment, so nobody else may move any.
            people_lock()
            subject = services.find_own_subject(identifier_id)
        preview = services.preview_personal_data(
            subject.people[0],
            is_whole=subject.is_whole,
            at=database_now(),
            max_rows=MAX_ROWS,
        )
    return {**preview, "is_whole": subject.is_whole}


def _traits(
    traits: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> Iterator[ShownTrait]:
    for key, value in sorted(traits.items()):
        sources = [
            Source(record["source"], EPOCH + timedelta(microseconds=record["traits"][key][1]))
            for record in records
            if key in record["traits"] and record["traits"][key][0] == value
        ]
        yield ShownTrait(key, _label(key), text_of(value), _kind(value), sources)


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


def _lines(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if value not in (None, "", [], {}):
            yield _label(name), text_of(value)


def _label(name: str) -> str:
    return _(name) if name in WORDS else name.replace("_", " ")


def text_of(value: object) -> str:
    """Return a value as people write it, in their language."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case datetime():
            local = timezone.localtime(value)
            return f"{text_of(local.date())} {formats.date_format(local, 'H:i')}"
        case date():
            return formats.date_format(value, "SHORT_DATE_FORMAT")
        case str():
            at = parse_datetime(value) if len(value) > 16 else None
            return text_of(at) if at is not None and at.tzinfo else value
        case Mapping():
            return ", ".join(f"{_label(str(key))}: {text_of(part)}" for key, part in value.items())
        case list() | tuple():
            return ", ".join(map(text_of, value))
        case _:
            return str(value)


def own_permissions(subject: Subject) -> list[Permission]:
    """Return every purpose with what the customer has said to it."""
    now = database_now()
    profile_id = subject.people[0].profile_id
    states = services.current_states([profile_id], at=now)[profile_id]
    versions = {
        (version.purpose_id, version.number): version for version in PurposeVersion.objects.all()
    }
    receipts = _last_events(subject)
    return [
        _permission(
            purpose,
            versions[purpose.pk, purpose.current_version],
            states[purpose.key],
            receipts.get(purpose.pk),
        )
        for purpose in Purpose.objects.order_by("key")
    ]


def _last_events(subject: Subject) -> dict[int | None, UUID]:
    """Map each purpose to the last event about it that the customer's identifiers have."""
    events = ConsentEvent.objects.filter(
        identifier__in=subject.identifier_ids, body__isnull=False
    ).order_by("seq")
    return dict(events.values_list("purpose_id", "pk"))


def _permission(
    purpose: Purpose, version: PurposeVersion, state: Mapping[str, Any], receipt_id: UUID | None
) -> Permission:
    if state["objected"]:
        words = _("You have objected.")
    elif state["state"] in (State.GIVEN, State.RENEWED) and not state["permitted"]:
        words = _("You agreed once; that no longer counts.")
    else:
        words = ""
    return Permission(
        purpose.key,
        version.title,
        version.text,
        _(purpose.get_legal_basis_display()),
        is_asked=purpose.legal_basis == LegalBasis.CONSENT,
        is_permitted=state["permitted"],
        since_words=words,
        receipt_id=receipt_id,
    )
