"""What this app holds about a person: how it is shown, follows identifiers, and is erased or kept."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from django.utils import timezone

from consent.ledger.states import current_states, rebuild_states
from consent.models import (
    AccessArchive,
    ConsentBody,
    ConsentEvent,
    ConsentState,
    MailedLink,
    PrivacyRequest,
    RequestLogEntry,
)
from consent.requests.lifecycle import OPEN, write_log
from profiles.models import Identifier
from profiles.registry import FieldClass, Holding, IdentifierMove, Person, Rows, registry

GIVEN, OBSERVED, INFERRED, TECHNICAL = (
    FieldClass.GIVEN,
    FieldClass.OBSERVED,
    FieldClass.INFERRED,
    FieldClass.TECHNICAL,
)


_EVENT_COLUMNS = (
    *("id", "kind", "state", "occurred_at", "received_at", "valid_until", "actor", "method"),
    *("identifier__profile_id", "purpose__key", "purpose_version__number", "body__evidence"),
)
_REQUEST_COLUMNS = (
    *("id", "kind", "status", "door", "body", "reason", "received_at", "due_at", "done_at"),
    "identifier_ids",
)


def _grouped(rows: Iterable[dict[str, Any]]) -> Rows:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.pop("profile_id")].append(row)
    return found


def _events(profile_ids: Sequence[int]) -> Rows:
    rows = (
        ConsentEvent.objects.filter(identifier__profile_id__in=profile_ids)
        .order_by("-received_at", "-seq")
        .values(*_EVENT_COLUMNS)
    )
    return _grouped(
        {
            "profile_id": row.pop("identifier__profile_id"),
            "purpose": row.pop("purpose__key"),
            "version": row.pop("purpose_version__number"),
            "evidence": row.pop("body__evidence"),
            **row,
        }
        for row in rows
    )


def _states(profile_ids: Sequence[int]) -> Rows:
    rows = (
        ConsentState.objects.filter(profile_id__in=profile_ids)
        .order_by("purpose__key")
        .values(
            *("profile_id", "purpose__key", "state", "version", "decided_at", "valid_until"),
            *("is_objected", "objected_at"),
        )
    )
    return _grouped({"purpose": row.pop("purpose__key"), **row} for row in rows)


def _standing(profile_ids: Sequence[int]) -> Rows:
    """How every purpose stands for each profile, now: what a profile shows of its consents."""
    states = current_states(profile_ids, at=timezone.now())
    return {
        profile: [{"purpose": purpose} | shown for purpose, shown in purposes.items()]
        for profile, purposes in states.items()
    }


def _requests(profile_ids: Sequence[int]) -> Rows:
    """Requests that were about a profile; their words only where all of it was, since they may name what it does not hold."""
    holders = dict(
        Identifier.objects.filter(profile_id__in=profile_ids).values_list("pk", "profile_id")
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    requests = PrivacyRequest.objects.filter(identifier_ids__overlap=list(holders))
    for row in requests.values(*_REQUEST_COLUMNS):
        owners = {holders.get(number) for number in row.pop("identifier_ids")}
        if len(owners) > 1:
            row |= {"body": {}, "reason": ""}
        for profile in owners - {None}:
            found[profile].append(dict(row))
    return found


def _rebuild(moves: Sequence[IdentifierMove]) -> None:
    rebuild_states(chain.from_iterable((move.origin, move.target) for move in moves))


def _absorb(pairs: Sequence[tuple[int, int]]) -> None:
    """The survivor's states are folded again, now that the merge is known; those of who ceased have nothing to stand on."""
    rebuild_states(chain.from_iterable(pairs))


def _erase_bodies(person: Person) -> int:
    bodies = ConsentBody.objects.filter(event__identifier_id__in=person.identifier_ids)
    return bodies.delete()[0]


def _erase_states(person: Person) -> int:
    """Run once the identifiers are gone: what remains of a profile is folded again, of nothing comes nothing."""
    before = ConsentState.objects.filter(profile_id=person.profile_id).count()
    rebuild_states([person.profile_id])
    return before - ConsentState.objects.filter(profile_id=person.profile_id).count()


def _erase_archives(person: Person) -> int:
    archives = AccessArchive.objects.filter(
        request__identifier_ids__overlap=list(person.identifier_ids)
    )
    return archives.delete()[0]


def _erase_log(person: Person) -> int:
    """What staff noted; the steps and their times stay, they name nobody."""
    entries = RequestLogEntry.objects.filter(
        request__identifier_ids__overlap=list(person.identifier_ids)
    )
    return entries.exclude(note="").update(note="")


def _erase_requests(person: Person) -> int:
    """What was asked goes, and requests still open end; erasures end by themselves."""
    requests = PrivacyRequest.objects.filter(identifier_ids__overlap=list(person.identifier_ids))
    others = requests.exclude(kind=PrivacyRequest.Kind.ERASURE)
    for request in others.filter(status__in=OPEN):
        request.status, request.done_at = PrivacyRequest.Status.CANCELLED, timezone.now()
        request.save(update_fields=["status", "done_at"])
        write_log(request, actor="erasure")
    return others.exclude(body={}, reason="").update(body={}, reason="")


def _erase_links(person: Person) -> int:
    """Links go; a session that is open may still watch its erasure, with nothing in it that names anybody."""
    links = MailedLink.objects.filter(identifier_id__in=person.identifier_ids)
    unused = links.filter(used_at=None).delete()[0]
    for link in links:
        link.address_digest = ""
        link.save(update_fields=["address_digest"])
    return unused


registry.declare(
    Holding(
        model="consent.ConsentEvent",
        title="Consent history",
        fields={
            **dict.fromkeys(
                ("kind", "purpose", "state", "occurred_at", "valid_until", "actor", "method"), GIVEN
            ),
            **dict.fromkeys(
                (
                    *("id", "identifier", "purpose_version", "notice", "received_at", "trust"),
                    *("source", "recorded_by", "idempotency_key", "digest", "seq"),
                ),
                TECHNICAL,
            ),
        },
        read=_events,
        kept="Proof of consent and of its withdrawal (articles 5(2), 7(1) and 17(3)(e)): rows without a name.",
    ),
    Holding(
        model="consent.ConsentBody",
        title="Evidence of consents",
        fields={"event": TECHNICAL, "salt": TECHNICAL, "evidence": GIVEN},
        erase=_erase_bodies,
        erase_order=20,
    ),
    Holding(
        model="consent.ConsentState",
        title="Consents",
        fields={
            **dict.fromkeys(("state", "decided_at", "is_objected", "objected_at"), GIVEN),
            "valid_until": GIVEN,
            **dict.fromkeys(("profile", "purpose", "version", "updated_at"), TECHNICAL),
        },
        read=_states,
        portrait=_standing,
        move=_rebuild,
        absorb=_absorb,
        erase=_erase_states,
        erase_order=93,
    ),
    Holding(
        model="consent.AccessArchive",
        title="Archives made for the person",
        fields=dict.fromkeys(
            ("request", "content", "created_at", "expires_at", "fetched_at"), TECHNICAL
        ),
        erase=_erase_archives,
        erase_order=20,
    ),
    Holding(
        model="consent.RequestLogEntry",
        title="Steps of privacy requests",
        fields=dict.fromkeys(("id", "request", "status", "actor", "note", "logged_at"), TECHNICAL),
        erase=_erase_log,
        erase_order=20,
    ),
    Holding(
        model="consent.PrivacyRequest",
        title="Privacy requests",
        fields={
            **dict.fromkeys(("kind", "body", "reason"), GIVEN),
            "received_at": OBSERVED,
            **dict.fromkeys(
                (
                    *("id", "status", "door", "identifier_ids", "requested_by", "due_at"),
                    *("extended_at", "done_at", "attempts", "idempotency_key", "receipt"),
                ),
                TECHNICAL,
            ),
        },
        read=_requests,
        erase=_erase_requests,
        erase_order=25,
        kept="That a request was made and answered in time (article 12(3)): kind, times and receipt, without a name.",
    ),
    Holding(
        model="consent.MailedLink",
        title="Mailed links",
        fields=dict.fromkeys(
            (
                *("id", "token_digest", "address_digest", "identifier_id", "created_at", "sent_at"),
                *("expires_at", "used_at", "session_digest", "session_expires_at"),
            ),
            TECHNICAL,
        ),
        erase=_erase_links,
        erase_order=20,
    ),
)
