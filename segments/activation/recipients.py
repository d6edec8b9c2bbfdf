"""Receivers of people's data, as the register of processing names them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from consent.services import Recipient, declare_recipients
from segments.models import Destination, Webhook


def recipients() -> Iterator[Recipient]:
    """Yield destinations and webhooks; of an address only its host, for the rest may be secret."""
    tools = dict(Destination.objects.values_list("pk", "tool"))
    for webhook in Webhook.objects.select_related("purpose"):
        tool = tools.get(webhook.pk, "")
        yield Recipient(
            webhook.name,
            "destination" if tool else "webhook",
            tool or urlsplit(webhook.url).hostname or "",
            webhook.purpose.key if webhook.purpose else "",
        )


declare_recipients(recipients)
