"""Doing again, after a backup was restored, what people had asked for since it was made.

Invariant: replaying is idempotent, and only ever narrows: it erases, restricts, withdraws. Alone a
legal hold keeps something, and nothing of whom an erasure before it had erased. Each line takes
effect in one transaction with its number, so a replay that was killed goes on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from consent.journal.entries import Act, replaying
from consent.journal.state import lost_lines
from consent.ledger.events import UnknownPurpose
from consent.ledger.inputs import ConsentInput
from consent.ledger.record import record
from consent.lib import checkpoints
from consent.models import (
    ConsentKind,
    DecidedBy,
    JournalEntry,
    LegalHold,
    Method,
    PrivacyRequest,
    State,
    Suppression,
)
from consent.requests.opening import NewRequest, create_request
from consent.requests.subjects import subject_from_identifiers
from consent.suppression.keys import (
    SuppressionKeyMissing,
    suppression_digests,
    suppression_keys,
)
from consent.suppression.rows import note_chain
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, TrustLevel
from profiles.services import Actor, audited

Holders = Mapping[str, list[int]]
_AT_ONCE = 2000
RECORDED_BY = "privacy journal"


def replay_journal(*, actor: Actor) -> dict[str, int]:
    """Do what the database forgot, and return how many lines of each act there were.

    Raises JournalUnreadable, and SuppressionKeyMissing where a key is not the one that the lines
    were made with.
    """
    lines = lost_lines()
    if not lines:
        return {}
    holders = _holders(lines)
    done: Counter[str] = Counter()
    with replaying():
        for line in lines:
            with audited(actor, "journal.replayed") as deed:
                people_lock()
                _replay(line, holders, actor)
                JournalEntry.objects.update_or_create(
                    pk=line["id"], defaults={"seq": line["seq"], "line": {}}
                )
                reach(checkpoints.REPLAYING, line["seq"])
                deed.about("journal", line["seq"], act=[None, line["act"]])
            done[line["act"]] += 1
    return dict(done)


def _replay(line: dict[str, Any], holders: Holders, actor: Actor) -> None:
    ids = [pk for digest in line["digests"] for pk in holders.get(digest, ())]
    match Act(line["act"]):
        case Act.ERASURE:
            _suppress(line)
            _request(PrivacyRequest.Kind.ERASURE, ids, line, actor)
        case Act.RESTRICTION:
            _request(PrivacyRequest.Kind.RESTRICTION, ids, line, actor)
        case Act.CONSENT:
            _record(ids, line)
        case Act.HOLD:
            _place_hold(ids, line)
        case Act.HOLD_REVIEWED:
            _standing(line).update(review_on=date.fromisoformat(line["review_on"]))
        case Act.HOLD_LIFTED:
            at = datetime.fromisoformat(line["at"])
            _standing(line).update(lifted_by=RECORDED_BY, lifted_at=at)


def _holders(lines: Iterable[dict[str, Any]]) -> Holders:
    """Return the ids of the stored identifiers by those digests that the lines name.

    One pass over all identifiers: nothing that is stored tells which of them a digest is of.
    """
    wanted: dict[tuple[str, int], set[str]] = defaultdict(set)
    for line in lines:
        wanted[line["key"], line["version"]].update(line["digests"])
    keys = suppression_keys()
    places = {key.id: place for place, key in enumerate(keys)}
    if missing := {chain for chain, _ in wanted} - places.keys():
        raise SuppressionKeyMissing(f"The key with id {min(missing)} is not configured.")
    holders: dict[str, list[int]] = defaultdict(list)
    stored = Identifier.objects.values_list("pk", "namespace", "value")
    for pk, namespace, value in stored.iterator(chunk_size=_AT_ONCE):
        for (chain, version), digests in wanted.items():
            made = list(suppression_digests(keys, f"{namespace}:{value}", version))
            if (digest := made[places[chain]].hex()) in digests:
                holders[digest].append(pk)
    return holders


def _suppress(line: dict[str, Any]) -> None:
    """Put the digests on the list of erased people, be they of identifiers that are not stored."""
    note_chain(suppression_keys())
    Suppression.objects.bulk_create(
        [
            Suppression(
                digest=bytes.fromhex(digest), key_id=line["key"], normaliser_version=line["version"]
            )
            for digest in line["digests"]
        ],
        update_conflicts=True,
        unique_fields=["digest", "key_id", "normaliser_version"],
        update_fields=["lifted_at"],
    )


def _request(kind: str, identifier_ids: list[int], line: dict[str, Any], actor: Actor) -> None:
    """Open a request about just these identifiers, which takes effect at once."""
    subject = subject_from_identifiers(identifier_ids)
    if not subject.people:
        return
    new_request = NewRequest(kind=kind, reason="", idempotency_key=f"journal:{line['id']}")
    create_request(new_request, subject, door=PrivacyRequest.Door.JOURNAL, actor=actor)


def _place_hold(identifier_ids: list[int], line: dict[str, Any]) -> None:
    """Place a hold again, on whom it was placed who is in the backup."""
    on_whom = set(identifier_ids)
    if not line["is_erasing"]:
        # They were erased by then and came back since: whom the backup has goes first.
        on_whom -= _erased_by_journal()
    if on_whom:
        LegalHold.objects.get_or_create(
            pk=line["hold"],
            defaults={
                "identifier_ids": sorted(on_whom),
                "scope": line["scope"],
                "sources": line["sources"],
                "ground": line["ground"],
                "review_on": date.fromisoformat(line["review_on"]),
                "placed_by": RECORDED_BY,
                "placed_at": datetime.fromisoformat(line["at"]),
            },
        )


def _erased_by_journal() -> set[int]:
    """Return the identifiers whose erasures were opened again."""
    erasures = PrivacyRequest.objects.filter(
        kind=PrivacyRequest.Kind.ERASURE, door=PrivacyRequest.Door.JOURNAL
    )
    return {pk for ids in erasures.values_list("identifier_ids", flat=True) for pk in ids}


def _standing(line: dict[str, Any]) -> QuerySet[LegalHold]:
    """Return the hold of a line, as long as it was not lifted."""
    return LegalHold.objects.filter(pk=line["hold"], lifted_at=None)


def _record(identifier_ids: list[int], line: dict[str, Any]) -> None:
    """Write the statement to the ledger again, at its own time."""
    holders = Identifier.objects.filter(pk__in=identifier_ids, profile__isnull=False)
    for pk, profile_id in holders.values_list("pk", "profile_id"):
        entry = ConsentInput(
            identifier_id=pk,
            profile_id=profile_id or 0,
            purpose=line["purpose"],
            state=State(line["state"]),
            kind=ConsentKind(line["kind"]),
            occurred_at=datetime.fromisoformat(line["at"]),
            received_at=database_now(),
            actor=DecidedBy(line["actor"]),
            method=Method(line["method"]),
            trust=TrustLevel(line["trust"]),
            idempotency_key=f"journal:{line['id']}:{pk}",
            recorded_by=RECORDED_BY,
        )
        try:
            with transaction.atomic():
                record(entry)
        except UnknownPurpose:
            # It was made after the backup, so nobody is permitted for it.
            continue
