"""A few messages as broken clients send them: refused, and kept where staff can see why.

Invariant: each is refused whenever it is sent, so these are sent once only; nothing else in the demo is refused.
"""

from collections.abc import Iterator

from config.demo import newsletter, shop, website
from config.demo.wire import Days, DemoMessage, message


def faulty_messages(days: Days) -> Iterator[DemoMessage]:
    """Three of each kind, of the last three days."""
    for place in range(1, 4):
        at = days.moment(days.ago(place), 15 * 3600)
        yield message(
            website.SOURCE, f"nameless-{place}", at, type="track", anonymousId=f"f{place}"
        )
        yield message(
            website.SOURCE,
            f"nobody-{place}",
            at,
            type="track",
            event="Product Viewed",
            anonymousId="undefined",
        )
        yield message(shop.SOURCE, f"unnamed-{place}", at, type="track", event="Order Refunded")
        yield message(
            shop.SOURCE, f"unknown-{place}", at, type="refund", userId=f"shop-9999{place}"
        )
        yield message(
            newsletter.SOURCE,
            f"long-{place}-".ljust(120, "0"),
            at,
            type="track",
            event="Email Bounced",
            anonymousId=f"nl-9999{place}",
        )
