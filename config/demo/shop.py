"""The shop: each purchase of CDNOW as an order, by the shop's own customer number."""

from collections.abc import Iterator
from datetime import datetime

from config.demo.cdnow import Purchase
from config.demo.people import DemoPerson
from config.demo.wire import Days, DemoMessage, dice, message

SOURCE = "shop"
OPENS, OPEN_SECONDS = 8 * 3600, 14 * 3600
CURRENCY = "USD"


def ordered_at(purchase: Purchase, days: Days) -> datetime:
    """The file tells the day only; the time of day is made of the order's number, within opening hours."""
    return days.moment(purchase.day, OPENS + purchase.number * 7919 % OPEN_SECONDS)


def shop_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """Orders, and for some an account with an e-mail address, which joins the customer to what others know."""
    for purchase in person.purchases:
        yield _order(person, purchase, days)
    rng = dice(person.number, SOURCE)
    if person.is_customer and rng.random() < 0.5:
        purchase = rng.choice(person.purchases)
        yield message(
            SOURCE,
            f"account-{person.number}",
            ordered_at(purchase, days),
            type="identify",
            userId=person.user_id,
            traits={"email": person.email, "has_account": True},
        )


def _order(person: DemoPerson, purchase: Purchase, days: Days) -> DemoMessage:
    return message(
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
