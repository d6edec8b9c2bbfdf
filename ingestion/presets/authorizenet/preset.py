"""Authorize.Net: payments, refunds and customers (developer.authorize.net, webhooks)."""

from ingestion.presets.delivery import check_hex, text_at
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="authorizenet",
    title="Authorize.Net",
    # The key is the text of the signature key, as their examples take it. It signs no time; facts
    # have ids of their own.
    check=lambda delivery, secret, now: check_hex(
        delivery, "X-ANET-Signature", secret, prefix="sha512=", algorithm="sha512"
    ),
    kind_of=lambda delivery: text_at(delivery.content, "eventType").removeprefix("net.authorize."),
    # Money that is only reserved; the capture tells it.
    ignored=frozenset({"payment.authorization.created", "payment.fraud.held"}),
)
