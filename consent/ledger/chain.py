"""The chain over the ledger, which shows whether a row was changed, removed, inserted or swapped.

Events are sealed after they were written, by one writer in the order of their arrival: sealing them
as they are written would make all who record a consent wait for each other. Each link hashes the
one before it, so that a head kept elsewhere proves everything up to it, and shows a tail cut off.
An erasure takes the salt and the evidence of an event and leaves its links as they are, and so does
the pruning of events whose time of proof is over (`consent.ledger.pruning`).

Invariant: links are only added, without gaps, and an event has one.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from django.db import connection, transaction

from consent.ledger.events import digested_columns
from consent.ledger.pruning import pruned_links
from consent.lib.digests import canonical_json
from consent.lib.sql import LOCK_PAIR
from consent.models import ConsentEvent, LedgerSeal

# What the first link follows.
ORIGIN = "0" * 64
# The first number of the lock of whoever adds links.
_CHAIN_LOCK = 0x7E55_C4A1
_CHUNK = 1000


class Head(NamedTuple):
    """The last link at some time: how many there were, and its hash in hexadecimal."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the head that a text of `str` spells. Raises ValueError."""
        number, _, digest = text.strip().partition(":")
        if len(digest) != len(ORIGIN):
            raise ValueError("a head is NUMBER:HASH, as ledger_head prints it")
        bytes.fromhex(digest)
        return cls(int(number), digest)


class ChainFault(NamedTuple):
    """Where the ledger is not what was sealed. `event_id` is None where no event is known."""

    number: int
    event_id: UUID | None
    detail: str


def seal_ledger() -> int:
    """Add a link for each event that has none, and return how many were added."""
    sealed = 0
    while count := _seal_some():
        sealed += count
    return sealed


def head_of_ledger() -> tuple[Head, datetime | None]:
    """Return the last link, and when it was added; an empty chain has the number 0."""
    last = _last_link()
    return (Head(last.number, last.hash), last.sealed_at) if last else (Head(0, ORIGIN), None)


def verify_chain(heads: Iterable[Head] = ()) -> list[ChainFault]:
    """Return where the ledger differs from its links, and the links from heads kept elsewhere."""
    faults = [*_link_faults(), *_unsealed()]
    return faults + [fault for head in heads if (fault := _head_fault(head))]


@transaction.atomic
def _seal_some() -> int:
    with connection.cursor() as cursor:
        # One writer, or two links would follow the same one.
        cursor.execute(LOCK_PAIR, [_CHAIN_LOCK, 0])
    last = _last_link()
    head = Head(last.number, last.hash) if last else Head(0, ORIGIN)
    # Numbers are drawn under the people lock, so none below one that is seen is still to come.
    events = ConsentEvent.objects.filter(seq__gt=last.seq if last else 0).order_by("seq")
    links = []
    for event in events[:_CHUNK]:
        head = Head(head.number + 1, _link_hash(head.hash, event))
        links.append(LedgerSeal(number=head.number, event=event, seq=event.seq, hash=head.hash))
    LedgerSeal.objects.bulk_create(links)
    return len(links)


def _last_link() -> LedgerSeal | None:
    return LedgerSeal.objects.order_by("-number").first()


def _link_hash(previous: str, event: ConsentEvent) -> str:
    # The digest is of the evidence too, by a salt; the columns outlive the salt.
    text = "\0".join((previous, event.digest, canonical_json(digested_columns(event))))
    return hashlib.sha256(text.encode()).hexdigest()


def _link_faults() -> Iterator[ChainFault]:
    previous, pruned = Head(0, ORIGIN), pruned_links()
    for link, event in _links():
        if link.number != previous.number + 1:
            yield ChainFault(previous.number + 1, None, "links are missing from here on")
        elif event is None:
            if link.number not in pruned:
                yield ChainFault(link.number, link.event_id, "the event was removed")
        elif link.hash != _link_hash(previous.hash, event):
            yield ChainFault(link.number, event.pk, "the event or its place was changed")
        previous = Head(link.number, link.hash)


def _links() -> Iterator[tuple[LedgerSeal, ConsentEvent | None]]:
    """Yield the links in order, each with its event, by one look-up for many."""
    after = 0
    while links := list(LedgerSeal.objects.filter(number__gt=after).order_by("number")[:_CHUNK]):
        events = ConsentEvent.objects.in_bulk([link.event_id for link in links])
        yield from ((link, events.get(link.event_id)) for link in links)
        after = links[-1].number


def _unsealed() -> Iterator[ChainFault]:
    """Yield events without a link that were numbered before the last one that has a link."""
    last = _last_link()
    if last is not None:
        events = ConsentEvent.objects.filter(seq__lt=last.seq, seal=None)
        for event_id in events.values_list("pk", flat=True):
            yield ChainFault(0, event_id, "the event was inserted before others that are sealed")


def _head_fault(head: Head) -> ChainFault | None:
    if head.number == 0:
        return None
    link = LedgerSeal.objects.filter(number=head.number).first()
    if link is None:
        return ChainFault(head.number, None, "the chain ends before a head that was kept")
    if link.hash != head.hash:
        return ChainFault(
            head.number, link.event_id, "the chain is not that of a head that was kept"
        )
    return None
