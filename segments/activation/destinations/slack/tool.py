"""Slack: a message for each person who enters (api.slack.com, incoming webhooks)."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.exchange import Exchange, Reply
from segments.activation.destinations.tools import Faults, Item, Setting, Tool

CANNOT_FORGET = "cannot_forget"


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    [item] = items
    _post(exchange, str(item.fields.get("text", ""))).required()
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return {}


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Whoever may post by an incoming webhook may delete nothing."""
    return {item.key: CANNOT_FORGET for item in items}


def _post(exchange: Exchange, text: str, *, is_about_people: bool = True) -> Reply:
    url = exchange.credentials["url"]
    return exchange.call("POST", url, {"text": text}, is_about_people=is_about_people)


def _check(exchange: Exchange) -> Reply:
    return _post(exchange, "Tessera: this is a test.", is_about_people=False)


TOOL = Tool(
    key="slack",
    title="Slack",
    settings=(Setting(name="url", label=_("Address of the incoming webhook"), is_secret=True),),
    mapping={"id": "id", "text": "join('', ['Entered ', join(', ', segments), ': ', id])"},
    fields=frozenset({"id", "text"}),
    identifies=("id",),
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    # As incoming webhooks may be called.
    seconds_between_calls=1.0,
    is_state=False,
)
