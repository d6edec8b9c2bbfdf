"""Sending the demo's messages: by the inbox, as the tracking API does, and drained at once.

Invariant: all may be sent again at any time. What took effect is known by its id, what was refused is not sent twice.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.db.models import Max

from config.demo import crm, faulty, newsletter, shop, website
from config.demo.cdnow import purchases_until
from config.demo.people import make_people
from config.demo.wire import Batch, Days, DemoMessage, batches
from ingestion.models import InboxRow, RejectedMessage, WriteKey
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.models import Source
from profiles.services import create_source

Report = Callable[[int, int], None]

# Requests accepted before they are drained: a few chunks, so that progress is seen and little is lost to a kill.
REQUESTS_AT_ONCE = 10
WAIT_SECONDS = 0.5


class DemoSource(NamedTuple):
    """One source of the demo, the kind of key it would write with, and its rank where sources contradict."""

    key: str
    name: str
    kind: WriteKey.Kind
    priority: int


SOURCES = (
    DemoSource(crm.SOURCE, "CRM", WriteKey.Kind.SECRET, 10),
    DemoSource(shop.SOURCE, "Shop", WriteKey.Kind.SECRET, 20),
    DemoSource(newsletter.SOURCE, "Newsletter", WriteKey.Kind.SECRET, 30),
    DemoSource(website.SOURCE, "Website", WriteKey.Kind.PUBLIC, 100),
)


class Sender(NamedTuple):
    """A source as the inbox knows it."""

    source: Source
    trust: int


def load_messages(*, customers: int, days: Days, report: Report) -> int:
    """Send all messages and drain them; return how many were sent. `report` hears how many of how many are in."""
    senders = make_sources()
    drain()
    requests = list(batches(tell(customers, days), days)) + _faulty_requests(senders, days)
    total = sum(len(request.messages) for request in requests)
    sent = 0
    for start in range(0, len(requests), REQUESTS_AT_ONCE):
        for request in requests[start : start + REQUESTS_AT_ONCE]:
            send(request, senders[request.source])
            sent += len(request.messages)
        drain()
        report(sent, total)
    return total


def make_sources() -> dict[str, Sender]:
    """The sources by key, made where they are missing."""
    present = {source.key: source for source in Source.objects.all()}
    return {
        key: Sender(
            present.get(key) or create_source(key, name=name, priority=priority),
            WriteKey(kind=kind).trust,
        )
        for key, name, kind, priority in SOURCES
    }


def send(request: Batch, sender: Sender) -> None:
    """Put one request into the inbox, as the tracking API does with one to /v1/batch."""
    accept(
        InboxBody("", request.body),
        source_id=sender.source.pk,
        trust=sender.trust,
        message_count=len(request.messages),
        is_opted_out=request.is_opted_out,
    )


def drain() -> None:
    """Drain what is in the inbox now; what another worker has leased, or a killed one still has, is waited for."""
    last = InboxRow.objects.aggregate(last=Max("id"))["last"] or 0
    while InboxRow.objects.filter(id__lte=last).exists():
        if not drain_inbox():
            time.sleep(WAIT_SECONDS)


def tell(customers: int, days: Days) -> Iterator[DemoMessage]:
    """All that the four sources say of so many customers, and of the leads and visitors beside them."""
    purchases = purchases_until(days.yesterday, customers)
    for person in make_people(purchases, days):
        yield from shop.shop_messages(person, days)
        yield from crm.crm_messages(person, days)
        yield from newsletter.newsletter_messages(person, days)
        yield from website.web_messages(person, days)


def _faulty_requests(senders: dict[str, Sender], days: Days) -> list[Batch]:
    """What is refused takes no mark as seen, so it is not sent again where it was refused before."""
    requests = []
    for key in senders:
        refused = RejectedMessage.objects.filter(source=senders[key].source)
        if not refused.exists():
            bodies = [sent.body for sent in faulty.faulty_messages(days) if sent.source == key]
            requests += [Batch(key, False, bodies)] if bodies else []
    return requests
