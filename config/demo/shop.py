"""The shop: each purchase of CDNOW as an order, with the shop's customer number as user id."""

from collections.abc import Iterator
from datetime import datetime

from config.demo.cdnow import Purchase
from config.demo.people import DemoPerson
from config.demo.wire import Days, DemoMessage, make_message, seeded_random

SOURCE = "shop"
# In seconds after midnight, and seconds.
OPENS_AT, OPEN_SECONDS = 8 * 3600, 14 * 3600
CURRENCY = "USD"


def ordered_at(purchase: Purchase, days: Days) -> datetime:
    """Return the time of an order, within opening hours. The file has only its day."""
    # Multiplying by a prime spreads the numbers of neighbouring orders over the day.
    return days.moment(purchase.day, OPENS_AT + purchase.number * 7919 % OPEN_SECONDS)


def shop_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """Yield the person's orders, and for half of the customers an account with an e-mail address.

    By the address, identity resolution finds the person in other sources.
    """
    for purchase in person.purchases:
        yield _order(person, purchase, days)
    rng = seeded_random(person.number, SOURCE)
    if person.is_customer and rng.random() < 0.5:
        purchase = rng.choice(person.purchases)
        yield make_message(
            SOURCE,
            f"account-{person.number}",
            ordered_at(purchase, days),
            type="identify",
            userId=person.user_id,
            traits={"email": person.email, "has_account": True},
        )


def _order(person: DemoPerson, purchase: Purchase, days: Days) -> DemoMessage:
    return make_message(
        SOURCE,
        f"order-{purchase.number}",
        ordered_at(purchase, days),
        type="track",
        event="Order Completed",
        userId=person.user_id,
        properties={
            "order_id": f"CD-{purchase.number:06}",
            "revenue": purchase.revenue,
            "quantity": purchase.quantity,
            "currency": CURRENCY,
        },
    )
