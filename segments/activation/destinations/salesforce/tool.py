"""Salesforce: records by an external id (REST API, sObject collections, client credentials)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.contacts import as_text
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply, bearer
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

# The shortest time after which an organisation ends sessions is 15 minutes.
TOKEN_SECONDS = 600
# A record that lacks what a new one needs is not there, and need not be taken out.
_ABSENT = frozenset({"REQUIRED_FIELD_MISSING", "NOT_FOUND"})
_LIMITS = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"})
_NOT_FOUND = 404


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    records = [
        {name: as_text(value) for name, value in item.fields.items() if name != "id"}
        for item in items
    ]
    return _upsert(exchange, items, records)


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    """Empty the field that says in which segments a record is; the record stays."""
    emptied: dict[str, Any] = {exchange.settings["segment_field"]: None}
    faults = _upsert(exchange, items, [emptied for _ in items])
    return {key: fault for key, fault in faults.items() if fault not in _ABSENT}


def _upsert(
    exchange: Exchange, items: Sequence[Item], records: Sequence[Mapping[str, Any]]
) -> Faults:
    kind, external = exchange.settings["object"], exchange.settings["external_id"]
    content = {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": kind}, external: item.fields["id"], **record}
            for item, record in zip(items, records, strict=True)
        ],
    }
    url = _url(exchange, f"composite/sobjects/{kind}/{external}")
    reply = exchange.call("PATCH", url, content, _headers(exchange)).required()
    results = reply.content if isinstance(reply.content, list) else []
    return _faults(items, results)


def _faults(items: Sequence[Item], results: Sequence[Any]) -> Faults:
    """Return whom Salesforce did not take: it answers in the order of the records."""
    words = [_word(result) for result in results]
    if limits := _LIMITS.intersection(words):
        raise CallFailed(Outcome(None, min(limits).lower(), is_general=True))
    return {item.key: word for item, word in zip(items, words, strict=False) if word}


def _word(result: Any) -> str:
    if not isinstance(result, dict) or result.get("success"):
        return ""
    errors = result.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("statusCode", "refused")) if isinstance(first, dict) else "refused"


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    kind, external = exchange.settings["object"], exchange.settings["external_id"]
    for item in items:
        path = f"sobjects/{kind}/{external}/{quote(str(item.fields['id']), safe='')}"
        url = _url(exchange, path)
        exchange.call("DELETE", url, headers=_headers(exchange)).required(_NOT_FOUND)
    return {}


def _check(exchange: Exchange) -> Reply:
    url = _url(exchange, f"sobjects/{exchange.settings['object']}")
    return exchange.call("GET", url, headers=_headers(exchange), is_about_people=False)


def _url(exchange: Exchange, path: str) -> str:
    return f"{exchange.address}/services/data/{exchange.settings['version']}/{path}"


def _headers(exchange: Exchange) -> dict[str, str]:
    return bearer(exchange.token(_fetch_token))


def _fetch_token(exchange: Exchange) -> tuple[str, int]:
    """Ask for a token as the application itself (OAuth 2.0 client credentials)."""
    form = {
        "grant_type": "client_credentials",
        "client_id": exchange.settings["client_id"],
        "client_secret": exchange.credentials["client_secret"],
    }
    reply = exchange.call(
        "POST",
        f"{exchange.address}/services/oauth2/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
        is_about_people=False,
    )
    token = reply.at("access_token")
    if not reply.is_taken or not isinstance(token, str):
        # A wrong secret is answered by 400, and is about nobody.
        raise CallFailed(Outcome(reply.status, "no_token", is_general=True))
    return token, TOKEN_SECONDS


TOOL = Tool(
    key="salesforce",
    title="Salesforce",
    settings=(
        Setting(name="address", label=_("Address of the organisation (My Domain)")),
        Setting(name="client_id", label=_("Consumer key")),
        Setting(name="client_secret", label=_("Consumer secret"), is_secret=True),
        Setting(name="object", label=_("Kind of record"), default="Contact"),
        Setting(name="external_id", label=_("Field with the key"), default="Tessera_Id__c"),
        Setting(
            name="segment_field",
            label=_("Field that is emptied for those who leave"),
            default="Tessera_Segments__c",
        ),
        Setting(name="version", label=_("Version of the API"), default="v62.0"),
    ),
    mapping={
        "id": "id",
        "Email": "email",
        "FirstName": "traits.first_name",
        "LastName": "traits.last_name || email || id",
        "Tessera_Segments__c": "segments",
    },
    identifies=("id",),
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    batch_size=200,
    removal_size=200,
)
