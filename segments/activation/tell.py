"""What receivers are to be told of people who were evaluated, in the transaction that did it."""

from collections.abc import Iterable

from profiles.lib.change_queue import nudge
from segments.activation.outbox import (
    DELIVER,
    Change,
    Evaluated,
    read_subscriptions,
    tell_changes,
    tell_segments,
)
from segments.activation.states import tell_destinations
from segments.models import Webhook


def tell(batch: Evaluated, changes: Iterable[Change] = ()) -> None:
    """Write down what receivers are to be told of some people; nothing where there is none."""
    receivers = list(Webhook.objects.filter(is_behind=False).select_related("destination"))
    webhooks = [each for each in receivers if not hasattr(each, "destination")]
    if not receivers:
        return
    count = 0
    if webhooks:
        count += tell_changes(webhooks, batch, changes)
        count += tell_segments(read_subscriptions(), batch)
    if len(webhooks) < len(receivers):
        count += tell_destinations(batch)
    if count:
        nudge(DELIVER)
