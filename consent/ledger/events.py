"""Events of the ledger as they are made of what was stated: their columns, and the digest of them.

Invariant: the digest covers exactly what is written.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from uuid_utils.compat import uuid7

from consent.ledger.fold import earliest_end
from consent.ledger.inputs import ConsentInput
from consent.ledger.minors import birth_dates, is_too_young
from consent.lib.digests import as_plain_json, event_digest, keyed_digest
from consent.models import ConsentEvent, ConsentKind, DecidedBy, Purpose, PurposeVersion, State

# Every column except the digest itself. One that is added must be left out where it is NULL, or the
# digests already written would be invalid.
DIGESTED_FIELDS = (
    "id",
    "identifier_id",
    "kind",
    "purpose_id",
    "purpose_version_id",
    "notice_id",
    "state",
    "occurred_at",
    "received_at",
    "valid_until",
    "actor",
    "method",
    "trust",
    "source_id",
    "recorded_by",
    "idempotency_key",
    "seq",
)
REACHED = "reached_identifier_ids"
# What shows that an imported grant was really given: where it was found, and to which words.
IMPORT_EVIDENCE = ("file", "row", "text")


class UnknownPurpose(LookupError):
    """No purpose has this key."""


class NewEvent(NamedTuple):
    """An event to be written: columns by name, and those of its body, which erasure deletes.

    A model instance would take longer to make than to write: files have thousands a chunk.
    """

    entry: ConsentInput
    columns: dict[str, Any]
    body: dict[str, Any]

    @property
    def pk(self) -> UUID:
        pk: UUID = self.columns["id"]
        return pk


def keyed_idempotency(key: str) -> str:
    """Return the keyed hash of an idempotency key, which callers may have built from names."""
    return keyed_digest(settings.DEDUPLICATION_KEY, "idempotency", key).hex()


def digested_columns(event: ConsentEvent) -> dict[str, Any]:
    """Return the columns of an event that its digest covers."""
    return _digested({name: getattr(event, name) for name in (*DIGESTED_FIELDS, REACHED)})


def _digested(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if name != REACHED or value is not None}


class PurposeVersions:
    """All versions of the purposes in a batch of entries, read in two queries."""

    def __init__(self, entries: Iterable[ConsentInput]) -> None:
        keys = {entry.purpose for entry in entries if entry.purpose is not None}
        self.ids = dict(Purpose.objects.filter(key__in=keys).values_list("key", "pk"))
        if unknown := sorted(keys - self.ids.keys()):
            raise UnknownPurpose(f"No purpose has the key {unknown[0]}.")
        self.versions: dict[int, list[PurposeVersion]] = {pk: [] for pk in self.ids.values()}
        for version in PurposeVersion.objects.filter(purpose__in=self.versions).order_by("number"):
            self.versions[version.purpose_id].append(version)

    def in_force(self, purpose: str | None, at: datetime) -> PurposeVersion | None:
        """Return the version in force at a time; for a time before all versions, the first."""
        if purpose is None:
            return None
        versions = self.versions[self.ids[purpose]]
        started = [version for version in versions if version.created_at <= at]
        return started[-1] if started else versions[0]

    def births_that_matter(self, entries: Sequence[ConsentInput]) -> dict[int, date]:
        """Return the dates of birth of whose own grant is for a purpose with a minimum age."""
        profile_ids = {
            entry.profile_id
            for entry in entries
            if entry.widens
            and entry.actor != DecidedBy.GUARDIAN
            and (version := self.in_force(entry.purpose, entry.effective_at)) is not None
            and version.minimum_age is not None
        }
        return birth_dates(profile_ids) if profile_ids else {}


def build_event(
    entry: ConsentInput, versions: PurposeVersions, born: date | None, seq: int
) -> NewEvent:
    version = versions.in_force(entry.purpose, entry.effective_at)
    columns = {
        "id": uuid7(),
        "identifier_id": entry.identifier_id,
        "kind": entry.kind,
        "purpose_id": version.purpose_id if version else None,
        "purpose_version_id": version.pk if version else None,
        "notice_id": entry.notice_id,
        "state": _state(entry, version, born),
        "occurred_at": entry.dated_at or entry.received_at,
        "received_at": entry.received_at,
        "valid_until": _valid_until(entry, version),
        "actor": entry.actor,
        "method": entry.method,
        "trust": entry.trust,
        "source_id": entry.source_id,
        "recorded_by": entry.recorded_by,
        "idempotency_key": entry.ledger_key and keyed_idempotency(entry.ledger_key),
        "seq": seq,
        REACHED: None if entry.reached is None else sorted(entry.reached),
    }
    # The digest must be of what the database returns, and JSON columns return no Decimal.
    salt, evidence = secrets.token_hex(32), as_plain_json(entry.evidence)
    columns["digest"] = event_digest(salt, _digested(columns), evidence)
    body = {"event_id": columns["id"], "salt": salt, "evidence": evidence}
    return NewEvent(entry, columns, body)


def _state(entry: ConsentInput, version: PurposeVersion | None, born: date | None) -> str:
    """Return the state to write: a grant without proof, or by a child alone, is `unknown`.

    A refusal needs neither, since doubt about it must not lead to more processing.
    """
    if not entry.widens:
        return entry.state
    is_unproven = entry.is_import and not _is_proven(entry)
    is_alone = entry.actor != DecidedBy.GUARDIAN
    minimum_age = version.minimum_age if version and is_alone else None
    is_child = is_too_young(born, minimum_age, entry.effective_at)
    return State.UNKNOWN if is_unproven or is_child else entry.state


def _is_proven(entry: ConsentInput) -> bool:
    evidence = (entry.evidence.get(name) for name in IMPORT_EVIDENCE)
    return entry.dated_at is not None and all(map(_is_stated, evidence))


def _is_stated(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) and not isinstance(value, bool)


def _valid_until(entry: ConsentInput, version: PurposeVersion | None) -> datetime | None:
    is_grant = entry.kind == ConsentKind.CONSENT and entry.widens
    if version is None or not is_grant:
        return entry.valid_until
    validity = version.validity or settings.CONSENT_VALIDITY
    return earliest_end(entry.valid_until, entry.effective_at, validity)
