"""HubSpot: contacts (developers.hubspot.com, CRM API v3, objects/contacts)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.contacts import as_text, others, prepare_contact
from segments.activation.destinations.exchange import Exchange, Reply, bearer
from segments.activation.destinations.tools import Faults, Item, Setting, Tool

SERVICE = "https://api.hubapi.com"
CONTACTS = "/crm/v3/objects/contacts"
_NOT_FOUND = 404


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    inputs = [
        {
            "idProperty": "email",
            "id": item.fields["email"],
            "properties": {name: as_text(value) for name, value in others(item.fields).items()},
        }
        for item in items
    ]
    return _batch(exchange, "upsert", items, inputs)


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Empty the property that says in which segments a contact is; the contact stays."""
    name = exchange.settings["segment_property"]
    inputs = [
        {"idProperty": "email", "id": item.fields["email"], "properties": {name: ""}}
        for item in items
    ]
    faults = _batch(exchange, "update", items, inputs)
    # Who is not there any more need not be taken out.
    return {key: fault for key, fault in faults.items() if fault != "OBJECT_NOT_FOUND"}


def _batch(
    exchange: Exchange, verb: str, items: Sequence[Item], inputs: Sequence[Mapping[str, Any]]
) -> Faults:
    url = f"{exchange.address}{CONTACTS}/batch/{verb}"
    reply = exchange.call("POST", url, {"inputs": list(inputs)}, _headers(exchange)).required()
    errors = reply.at("errors")
    return _faults(errors, items) if isinstance(errors, list) else {}


def _faults(errors: Sequence[Any], items: Sequence[Item]) -> dict[UUID, str]:
    """Return whom HubSpot did not take of a batch (207): it names them by their addresses."""
    keys = {item.fields["email"]: item.key for item in items}
    faults = {}
    for error in errors:
        context = error.get("context") if isinstance(error, dict) else None
        if not isinstance(context, dict):
            continue
        for email in context.get("ids") or context.get("id") or []:
            if email in keys:
                faults[keys[email]] = str(error.get("category", "refused"))
    return faults


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Delete for good, as HubSpot does for the GDPR."""
    for item in items:
        content = {"idProperty": "email", "objectId": item.fields["email"]}
        url = f"{exchange.address}{CONTACTS}/gdpr-delete"
        exchange.call("POST", url, content, _headers(exchange)).required(_NOT_FOUND)
    return {}


def _check(exchange: Exchange) -> Reply:
    return exchange.call("GET", f"{exchange.address}{CONTACTS}?limit=1", headers=_headers(exchange))


def _headers(exchange: Exchange) -> dict[str, str]:
    return bearer(exchange.credentials["token"])


TOOL = Tool(
    key="hubspot",
    title="HubSpot",
    settings=(
        Setting(name="token", label=_("Access token"), is_secret=True),
        Setting(
            name="segment_property",
            label=_("Property that is emptied for those who leave"),
            default="tessera_segments",
        ),
        Setting(name="address", label=_("Address of the service"), default=SERVICE),
    ),
    mapping={
        "email": "email",
        "firstname": "traits.first_name",
        "lastname": "traits.last_name",
        "tessera_segments": "segments",
    },
    identifies=("email",),
    prepare=prepare_contact,
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    batch_size=100,
    removal_size=100,
    seconds_between_calls=0.11,
)
