"""A few faulty messages, as broken clients send them, so that staff see rejected messages.

Invariant: these are rejected whenever they are sent, and nothing else in the demo is.
"""

from collections.abc import Iterator

from config.demo import newsletter, shop, website
from config.demo.wire import Days, DemoMessage, make_message


def faulty_messages(days: Days) -> Iterator[DemoMessage]:
    """Yield one message of each kind for each of the last three days."""
    for place in range(1, 4):
        at = days.moment(days.ago(place), 15 * 3600)
        # A track message without the name of its event.
        yield make_message(
            website.SOURCE, f"nameless-{place}", at, type="track", anonymousId=f"f{place}"
        )
        # An anonymousId that stands for nobody: JavaScript's text for a missing value.
        yield make_message(
            website.SOURCE,
            f"nobody-{place}",
            at,
            type="track",
            event="Product Viewed",
            anonymousId="undefined",
        )
        # No identifier at all.
        yield make_message(
            shop.SOURCE, f"unnamed-{place}", at, type="track", event="Order Refunded"
        )
        # An unknown type.
        yield make_message(
            shop.SOURCE, f"unknown-{place}", at, type="refund", userId=f"shop-9999{place}"
        )
        # A messageId that is too long.
        yield make_message(
            newsletter.SOURCE,
            f"long-{place}-".ljust(120, "0"),
            at,
            type="track",
            event="Email Bounced",
            anonymousId=f"nl-9999{place}",
        )
