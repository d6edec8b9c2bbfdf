"""Sending the demo's messages through the inbox, as the tracking API does.

Invariant: everything may be sent again at any time. A message that took effect is recognised by its
id, and rejected ones are not sent twice.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.db.models import Max

from config.demo import crm, faulty, newsletter, shop, website
from config.demo.actor import DEMO
from config.demo.cdnow import purchases_until
from config.demo.people import make_people
from config.demo.wire import Batch, Days, DemoMessage, make_batches
from ingestion.models import InboxRow, RejectedMessage, WriteKey
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.models import Source
from profiles.services import create_source

# Called with the number of messages that are in, and of all messages.
Report = Callable[[int, int], None]

# How many requests are accepted before they are drained. With a few chunks at a time, progress is
# visible and a kill loses little.
REQUESTS_AT_ONCE = 10
WAIT_SECONDS = 0.5


class DemoSource(NamedTuple):
    """One source, the kind of its write key, and its priority where sources disagree."""

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
    """A source, with the trust that the inbox has in its messages."""

    source: Source
    trust: int


def load_messages(*, customers: int, days: Days, report: Report) -> int:
    """Send all messages, drain them, and return how many were sent."""
    senders = make_sources()
    # What an earlier load left in the inbox comes first, in the order of time.
    drain()
    requests = list(make_batches(demo_messages(customers, days), days))
    requests += _faulty_requests(senders, days)
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
    """Create the sources that are missing, and return all of them by key."""
    present = {source.key: source for source in Source.objects.all()}
    return {
        key: Sender(
            present.get(key) or create_source(key, actor=DEMO, name=name, priority=priority),
            WriteKey(kind=kind).trust,
        )
        for key, name, kind, priority in SOURCES
    }


def send(request: Batch, sender: Sender) -> None:
    """Put a request into the inbox, as the tracking API does with one to /v1/batch."""
    accept(
        InboxBody("", request.body),
        source_id=sender.source.pk,
        trust=sender.trust,
        message_count=len(request.messages),
        is_opted_out=request.is_opted_out,
    )


def drain() -> None:
    """Drain what is in the inbox now, and wait for the rows that other workers have leased."""
    # Rows that come later are not waited for: a busy inbox may never be empty.
    last = InboxRow.objects.aggregate(last=Max("id"))["last"] or 0
    while InboxRow.objects.filter(id__lte=last).exists():
        if not drain_inbox():
            time.sleep(WAIT_SECONDS)


def demo_messages(customers: int, days: Days) -> Iterator[DemoMessage]:
    """Yield all messages about so many customers, and about leads and visitors in proportion."""
    purchases = purchases_until(days.yesterday, customers)
    for person in make_people(purchases, days):
        yield from shop.shop_messages(person, days)
        yield from crm.crm_messages(person, days)
        yield from newsletter.newsletter_messages(person, days)
        yield from website.web_messages(person, days)


def _faulty_requests(senders: dict[str, Sender], days: Days) -> list[Batch]:
    """Return the faulty messages of each source that has no rejected message yet."""
    # A rejected message is not recognised as a repeat, so that sending it again would double it.
    requests = []
    for key, sender in senders.items():
        if RejectedMessage.objects.filter(source=sender.source).exists():
            continue
        messages = faulty.faulty_messages(days)
        if bodies := [message.body for message in messages if message.source == key]:
            requests.append(Batch(key, False, bodies))
    return requests
