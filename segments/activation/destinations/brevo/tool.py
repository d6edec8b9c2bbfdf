"""Brevo: contacts of a list (developers.brevo.com, API v3, contacts)."""

from collections.abc import Sequence
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.contacts import as_text, others, prepare_contact
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

SERVICE = "https://api.brevo.com/v3"
_NOT_FOUND = 404


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    [item] = items
    content = {
        "email": item.fields["email"],
        "attributes": {name: as_text(value) for name, value in others(item.fields).items()},
        "listIds": [_list(exchange)],
        "updateEnabled": True,
    }
    exchange.call("POST", f"{exchange.address}/contacts", content, _headers(exchange)).required()
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Take contacts off the list; they stay contacts."""
    url = f"{exchange.address}/contacts/lists/{_list(exchange)}/contacts/remove"
    content = {"emails": [item.fields["email"] for item in items]}
    reply = exchange.call("POST", url, content, _headers(exchange))
    # Brevo answers so where none of them is on the list.
    if reply.status != 400 or reply.at("code") != "invalid_parameter":
        reply.required(_NOT_FOUND)
    return {}


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    for item in items:
        # Brevo has no other way to name a contact whom it was sent by the address.
        url = f"{exchange.address}/contacts/{quote(item.fields['email'], safe='')}"
        exchange.call("DELETE", url, headers=_headers(exchange)).required(_NOT_FOUND)
    return {}


def _list(exchange: Exchange) -> int:
    text = exchange.settings["list"]
    if not (text.isascii() and text.isdigit()):
        raise CallFailed(Outcome(None, "no_list_number", is_general=True))
    return int(text)


def _check(exchange: Exchange) -> Reply:
    url = f"{exchange.address}/contacts/lists/{_list(exchange)}"
    return exchange.call("GET", url, headers=_headers(exchange))


def _headers(exchange: Exchange) -> dict[str, str]:
    return {"api-key": exchange.credentials["key"]}


TOOL = Tool(
    key="brevo",
    title="Brevo",
    settings=(
        Setting(name="list", label=_("Number of the list")),
        Setting(name="key", label=_("API key"), is_secret=True),
        Setting(name="address", label=_("Address of the service"), default=SERVICE),
    ),
    mapping={"email": "email", "FIRSTNAME": "traits.first_name", "LASTNAME": "traits.last_name"},
    identifies=("email",),
    prepare=prepare_contact,
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    removal_size=150,
    seconds_between_calls=0.11,
)
