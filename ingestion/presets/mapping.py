"""From a delivery to messages of the tracking API, as the mapping of its tool says.

Invariant: one message a fact, whose messageId is that of the fact: whichever delivery shows it
first writes it, and repeats and replays change nothing.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ingestion.presets.facts import FactMapping
from profiles.lib.expressions import evaluate

# With the name of the tool before it, a messageId has fewer than 100 characters.
MAX_FACT_ID = 86


class HookMessage(NamedTuple):
    """A message, whether the tool vouches for who it is, and the reference of an order it tells.

    `is_complaint` says that somebody refused mail in their mail program or by its link.
    """

    content: dict[str, Any]
    is_verified: bool
    order: str = ""
    is_complaint: bool = False


class Sold(NamedTuple):
    """What an order came to: the goods without tax and shipping, and all of it."""

    goods: Decimal
    total: Decimal


FindOrder = Callable[[str], Sold | None]


class Mapped(NamedTuple):
    """What a delivery comes to: messages, and why facts were left out."""

    messages: list[HookMessage]
    left_out: list[str]


NO_PERSON = "no_person"


def map_delivery(
    tool: str,
    facts: tuple[FactMapping, ...],
    content: Any,
    find_order: FindOrder = lambda reference: None,
) -> Mapped:
    """Return the messages that a delivery means."""
    mapped = Mapped([], [])
    for fact in facts:
        for scope in _scopes(fact, content):
            if fact.when and not evaluate(fact.when, scope):
                continue
            refunded = _reference(fact.refund_of, scope)
            sold = find_order(refunded) if refunded else None
            filled = {**scope, "sold": sold._asdict()} if sold else scope
            names = _filled(fact.who, filled)
            message = _message(tool, fact, names, filled)
            if message is None:
                mapped.left_out.append(NO_PERSON)
            else:
                # Who is known by an order alone is not vouched for: it would take a guest's order
                # away from the address that they typed.
                is_verified = bool(names) and evaluate(fact.verified, filled) is True
                order = _reference(fact.order, scope)
                # One expression: the purpose is that of the mail.
                is_complaint = isinstance(fact.consents, str)
                mapped.messages.append(HookMessage(message, is_verified, order, is_complaint))
    return mapped


def _reference(expression: str, scope: Any) -> str:
    value = evaluate(expression, scope) if expression else None
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _scopes(fact: FactMapping, content: Any) -> Iterator[Any]:
    if not fact.each:
        yield content
        return
    items = evaluate(fact.each, content)
    for item in items if isinstance(items, list) else ():
        yield {**content, "item": item}


def _message(
    tool: str, fact: FactMapping, names: dict[str, Any], scope: Any
) -> dict[str, Any] | None:
    """Return the message of a fact, or None where it names nobody."""
    stated = evaluate(fact.id, scope)
    refunded = _reference(fact.refund_of, scope)
    if not (names or refunded) or not stated:
        return None
    order = refunded or _reference(fact.order, scope)
    fact_id = _short(_impersonal(str(stated)))
    contact = {name: names[name] for name in ("email", "phone") if name in names}
    external = [
        {"type": name, "id": str(value), "collection": "users", "encoding": "none"}
        for name, value in names.get("identifiers", {}).items()
    ]
    message: dict[str, Any] = {
        "type": fact.call,
        "messageId": f"{tool}:{fact_id}",
        "timestamp": evaluate(fact.time, scope),
        "userId": names.get("user_id"),
        "anonymousId": _anonymous_id(tool, names, fact_id, order),
        "context": {"library": {"name": f"preset:{tool}"}, "externalIds": external},
    }
    if fact.call == "track":
        message |= {"event": fact.event, "properties": _filled(fact.properties, scope)}
        message["context"]["traits"] = contact
    else:
        message["traits"] = {**_filled(fact.traits, scope), **contact}
    preferences = _filled(fact.consents, scope)
    if preferences:
        message["context"]["consent"] = {"categoryPreferences": preferences}
    return message


def _impersonal(fact_id: str) -> str:
    """Return the id of a fact, as a digest where it is made of an address."""
    return hashlib.sha256(fact_id.encode()).hexdigest()[:32] if "@" in fact_id else fact_id


def _short(fact_id: str) -> str:
    """Return the id of a fact, as a digest where a messageId has no room for it."""
    is_long = len(fact_id) > MAX_FACT_ID
    return hashlib.sha256(fact_id.encode()).hexdigest()[:32] if is_long else fact_id


def _anonymous_id(tool: str, names: Mapping[str, Any], fact_id: str, order: str) -> str | None:
    """Return that of the order, the tool's own id of the person, or that of the fact for a guest.

    A message must have an id of ours; an address that was typed is none. By that of the order its
    refunds are the buyer's, whom they do not name.
    """
    if order and "anonymous_id" not in names:
        return f"{tool}:order:{_short(_impersonal(order))}"
    if "user_id" in names or "anonymous_id" in names:
        return names.get("anonymous_id")
    own = next(iter(names.get("identifiers", {}).values()), fact_id)
    return f"{tool}:{own}"


def _filled(template: Mapping[str, Any] | str, scope: Any) -> dict[str, Any]:
    """Return the template with what its expressions find, without what is missing.

    One expression alone is of an object, where a tool has names of its own.
    """
    if isinstance(template, str):
        parts = evaluate(template, scope)
        return parts if isinstance(parts, dict) else {}
    filled: dict[str, Any] = {}
    for name, inner in template.items():
        value = _filled(inner, scope) if isinstance(inner, Mapping) else evaluate(inner, scope)
        if value not in (None, "", {}, []):
            filled[name] = value
    return filled
