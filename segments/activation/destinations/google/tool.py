"""Google: customer lists by the Data Manager API (developers.google.com/data-manager)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.utils.translation import gettext_lazy as _

from profiles.lib.database import database_now
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply, bearer
from segments.activation.destinations.google.assertion import WrongKey, assertion_of
from segments.activation.destinations.google.normalise import ADDRESS, FIELDS, prepare
from segments.activation.destinations.people import sample_person
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

SERVICE = "https://datamanager.googleapis.com/v1"
TOKENS = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/datamanager"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    content = _request(exchange, items) | _TERMS
    _call(exchange, "ingest", content).required()
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    _call(exchange, "remove", _request(exchange, items)).required()
    return {}


# Only who permits it is sent, and the tool is told so. The terms are accepted with the account.
_TERMS: dict[str, Any] = {
    "consent": _GRANTED,
    "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
}


def _request(exchange: Exchange, items: Sequence[Item]) -> dict[str, Any]:
    settings = exchange.settings
    destination: dict[str, Any] = {
        "operatingAccount": {
            "accountType": settings["account_type"],
            "accountId": settings["account"],
        },
        "productDestinationId": settings["list"],
    }
    if login := settings.get("login_account"):
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": login}
    return {
        "destinations": [destination],
        "audienceMembers": [{"userData": _identifiers(item.fields)} for item in items],
        "encoding": "HEX",
    }


def _identifiers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identifiers of a person: exactly one in each part."""
    parts: list[dict[str, Any]] = [
        {name: fields[name]} for name in ("emailAddress", "phoneNumber") if name in fields
    ]
    if set(ADDRESS) <= fields.keys():
        parts.append({"address": {name: fields[name] for name in ADDRESS}})
    return {"userIdentifiers": parts}


def _call(exchange: Exchange, verb: str, content: dict[str, Any]) -> Reply:
    headers = bearer(exchange.token(_fetch_token))
    return exchange.call("POST", f"{exchange.address}/audienceMembers:{verb}", content, headers)


def _fetch_token(exchange: Exchange) -> tuple[str, int]:
    """Exchange the key of the service account for a token (RFC 7523)."""
    url = exchange.settings["token_address"]
    now: datetime = database_now().astimezone(UTC)
    try:
        assertion = assertion_of(exchange.credentials["key"], audience=url, scope=SCOPE, now=now)
    except (WrongKey, msgspec.DecodeError):
        raise CallFailed(Outcome(None, "unusable_key", is_general=True)) from None
    form = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = exchange.call("POST", url, headers=headers, body=form, is_about_people=False)
    token = reply.at("access_token")
    if not reply.is_taken or not isinstance(token, str):
        raise CallFailed(Outcome(reply.status, "no_token", reply.retry_after, is_general=True))
    seconds = reply.at("expires_in")
    return token, seconds if isinstance(seconds, int) else 600


def _check(exchange: Exchange) -> Reply:
    """Have a request judged that changes nothing, about somebody who does not exist."""
    person = prepare({"emailAddress": sample_person()["email"]})
    content = _request(exchange, [Item(exchange.destination.pk, person, "")]) | _TERMS
    return _call(exchange, "ingest", content | {"validateOnly": True})


TOOL = Tool(
    key="google",
    title="Google (Data Manager API)",
    settings=(
        Setting(name="account", label=_("Number of the account")),
        Setting(
            name="account_type",
            label=_("Kind of account"),
            default="GOOGLE_ADS",
            choices=(
                *("GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER", "DISPLAY_VIDEO_ADVERTISER"),
                "DATA_PARTNER",
            ),
        ),
        Setting(name="login_account", label=_("Number of the manager account"), is_required=False),
        Setting(name="list", label=_("Number of the customer list")),
        Setting(name="key", label=_("Key of the service account"), is_secret=True, is_long=True),
        Setting(name="address", label=_("Address of the service"), default=SERVICE),
        Setting(name="token_address", label=_("Address of tokens"), default=TOKENS),
    ),
    mapping={
        "emailAddress": "email",
        "phoneNumber": "phone",
        "givenName": "traits.first_name",
        "familyName": "traits.last_name",
        "regionCode": "traits.country",
        "postalCode": "traits.postcode",
    },
    fields=FIELDS,
    identifies=("emailAddress", "phoneNumber"),
    prepare=prepare,
    put=_put,
    take_out=_take_out,
    forget=_take_out,
    check=_check,
    batch_size=5000,
    removal_size=5000,
    seconds_between_calls=1.0,
)
