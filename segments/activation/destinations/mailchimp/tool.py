"""Mailchimp: members of an audience (mailchimp.com/developer, Marketing API 3.0, lists)."""

import hashlib
from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.contacts import as_text, others, prepare_contact
from segments.activation.destinations.exchange import Exchange, Reply, basic
from segments.activation.destinations.tools import Faults, Item, Setting, Tool

_NOT_FOUND, _GONE_ALREADY = 404, 405
STATUSES = ("subscribed", "transactional", "pending")


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    members = [
        {
            "email_address": item.fields["email"],
            "email_type": "html",
            "status": exchange.settings["status"],
            "merge_fields": {name: as_text(value) for name, value in others(item.fields).items()},
        }
        for item in items
    ]
    content = {"members": members, "update_existing": True}
    reply = exchange.call("POST", _list(exchange), content, _headers(exchange)).required()
    keys = {item.fields["email"]: item.key for item in items}
    errors = reply.at("errors")
    return {
        keys[email]: str(error.get("error_code", "refused"))
        for error in (errors if isinstance(errors, list) else [])
        if (email := str(error.get("email_address", "")).lower()) in keys
    }


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Archive members, who can come back."""
    for item in items:
        reply = exchange.call("DELETE", _member(exchange, item), headers=_headers(exchange))
        reply.required(_NOT_FOUND, _GONE_ALREADY)
    return {}


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    for item in items:
        url = f"{_member(exchange, item)}/actions/delete-permanent"
        exchange.call("POST", url, headers=_headers(exchange)).required(_NOT_FOUND)
    return {}


def _member(exchange: Exchange, item: Item) -> str:
    # Mailchimp's own name of a member: it is no secret, but no address either.
    digest = hashlib.md5(item.fields["email"].encode(), usedforsecurity=False).hexdigest()
    return f"{_list(exchange)}/members/{digest}"


def _list(exchange: Exchange) -> str:
    return f"{exchange.address}/lists/{exchange.settings['list']}"


def _check(exchange: Exchange) -> Reply:
    return exchange.call("GET", f"{_list(exchange)}?fields=id", headers=_headers(exchange))


def _headers(exchange: Exchange) -> dict[str, str]:
    return basic("tessera", exchange.credentials["key"])


TOOL = Tool(
    key="mailchimp",
    title="Mailchimp",
    settings=(
        Setting(name="address", label=_("Address of the service")),
        Setting(name="list", label=_("Number of the list")),
        Setting(name="key", label=_("API key"), is_secret=True),
        Setting(
            name="status",
            label=_("Status of new members"),
            default="subscribed",
            choices=STATUSES,
        ),
    ),
    mapping={"email": "email", "FNAME": "traits.first_name", "LNAME": "traits.last_name"},
    identifies=("email",),
    prepare=prepare_contact,
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    batch_size=500,
    removal_size=20,
    seconds_between_calls=0.12,
)
