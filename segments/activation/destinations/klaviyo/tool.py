"""Klaviyo: profiles of a list (developers.klaviyo.com, REST API of revision 2024-10-15)."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.contacts import others, prepare_contact
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

SERVICE = "https://a.klaviyo.com/api"
REVISION = "2024-10-15"
# What Klaviyo keeps of a profile under names of its own; the rest are properties.
_OWN = ("phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title")


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    [item] = items
    _relate(exchange, "POST", _import(exchange, _attributes(item)))
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Take a profile off the list; it stays a profile. Its id is that of the address."""
    [item] = items
    _relate(exchange, "DELETE", _import(exchange, {"email": item.fields["email"]}))
    return {}


def _attributes(item: Item) -> dict[str, Any]:
    fields = others(item.fields)
    own = {name: fields[name] for name in _OWN if name in fields}
    properties = {name: value for name, value in fields.items() if name not in _OWN}
    return {"email": item.fields["email"], **own, "properties": properties}


def _import(exchange: Exchange, attributes: dict[str, Any]) -> str:
    """Make or change a profile; return its id."""
    content = {"data": {"type": "profile", "attributes": attributes}}
    url = f"{exchange.address}/profile-import"
    reply = exchange.call("POST", url, content, _headers(exchange)).required()
    profile_id = reply.at("data", "id")
    if not isinstance(profile_id, str):
        raise CallFailed(Outcome(None, "no_id"))
    return profile_id


def _relate(exchange: Exchange, method: str, profile_id: str) -> None:
    url = f"{_list(exchange)}/relationships/profiles"
    content = {"data": [{"type": "profile", "id": profile_id}]}
    exchange.call(method, url, content, _headers(exchange)).required()


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    for item in items:
        profile = {"type": "profile", "attributes": {"email": item.fields["email"]}}
        job = {
            "type": "data-privacy-deletion-job",
            "attributes": {"profile": {"data": profile}},
        }
        url = f"{exchange.address}/data-privacy-deletion-jobs"
        exchange.call("POST", url, {"data": job}, _headers(exchange)).required()
    return {}


def _list(exchange: Exchange) -> str:
    return f"{exchange.address}/lists/{exchange.settings['list']}"


def _check(exchange: Exchange) -> Reply:
    return exchange.call("GET", _list(exchange), headers=_headers(exchange))


def _headers(exchange: Exchange) -> dict[str, str]:
    return {
        "Authorization": f"Klaviyo-API-Key {exchange.credentials['key']}",
        "revision": REVISION,
    }


TOOL = Tool(
    key="klaviyo",
    title="Klaviyo",
    settings=(
        Setting(name="list", label=_("Number of the list")),
        Setting(name="key", label=_("API key"), is_secret=True),
        Setting(name="address", label=_("Address of the service"), default=SERVICE),
    ),
    mapping={
        "email": "email",
        "first_name": "traits.first_name",
        "last_name": "traits.last_name",
        "segments": "segments",
    },
    identifies=("email",),
    prepare=prepare_contact,
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    seconds_between_calls=0.1,
)
