"""Any service with an HTTP interface that takes JSON."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.exchange import Exchange, Reply, basic, bearer
from segments.activation.destinations.people import sample_person
from segments.activation.destinations.tools import Faults, Item, Setting, Tool

ENTER, EXIT, FORGET, TEST = "enter", "exit", "forget", "test"
MOST = 1000
_METHODS = ("POST", "PUT", "PATCH")


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    settings = exchange.settings
    people = [item.fields.get("body") or {"id": item.fields["id"]} for item in items]
    _send(exchange, settings["method"], settings["address"], ENTER, items, people)
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _remove(exchange, items, EXIT)


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _remove(exchange, items, FORGET)


def _remove(exchange: Exchange, items: Sequence[Item], action: str) -> Faults:
    settings = exchange.settings
    url = settings.get("exit_address") or settings["address"]
    people = [{"id": item.fields["id"], "action": action} for item in items]
    # Who is not there any more need not be taken out.
    _send(exchange, settings["exit_method"], url, action, items, people, allowed=(404, 410))
    return {}


def _send(
    exchange: Exchange,
    method: str,
    url: str,
    action: str,
    items: Sequence[Item],
    people: list[Any],
    allowed: tuple[int, ...] = (),
) -> None:
    headers = _credentials(exchange) | {"Idempotency-Key": items[0].message}
    if _batch_size(exchange.settings) > 1:
        content: Any = {"action": action, "people": people}
    else:
        [content] = people
    place = url.replace("{id}", quote(str(items[0].fields["id"]), safe=""))
    exchange.call(method, place, content, headers).required(*allowed)


def _credentials(exchange: Exchange) -> dict[str, str]:
    secret = exchange.credentials.get("secret", "")
    match exchange.settings.get("auth"):
        case "basic":
            return basic(exchange.settings.get("auth_name", ""), secret)
        case "bearer":
            return bearer(secret)
        case "header":
            return {exchange.settings.get("auth_name") or "X-Api-Key": secret}
        case _:
            return {}


def _check(exchange: Exchange) -> Reply:
    content = {"action": TEST, "person": sample_person()}
    settings = exchange.settings
    url = settings["address"].replace("{id}", TEST)
    return exchange.call(settings["method"], url, content, _credentials(exchange))


def _batch_size(settings: Mapping[str, str]) -> int:
    text = settings.get("batch", "")
    return min(int(text), MOST) if text.isascii() and text.isdigit() and text != "0" else 1


TOOL = Tool(
    key="http",
    title="HTTP",
    settings=(
        Setting(name="address", label=_("Address")),
        Setting(name="method", label=_("Method"), default="POST", choices=_METHODS),
        Setting(name="exit_address", label=_("Address for those who leave"), is_required=False),
        Setting(
            name="exit_method",
            label=_("Method for those who leave"),
            default="POST",
            choices=(*_METHODS, "DELETE"),
        ),
        Setting(
            name="auth",
            label=_("Authentication"),
            default="none",
            choices=("none", "basic", "bearer", "header"),
        ),
        Setting(name="auth_name", label=_("User name, or name of the header"), is_required=False),
        Setting(name="secret", label=_("Password or token"), is_secret=True, is_required=False),
        Setting(name="batch", label=_("People in one call"), default="1"),
    ),
    mapping={"id": "id", "body": {"id": "id", "email": "email", "segments": "segments"}},
    fields=frozenset({"id", "body"}),
    identifies=("id",),
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    sizes_batch=_batch_size,
    seconds_between_calls=0.02,
)
