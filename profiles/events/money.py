"""In which currencies the amounts of events are.

Invariant: what is said here is for people who read amounts. Nothing is converted, and no sum of
several currencies is shown or asked for without a word about it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.db import OperationalError, connection
from django.utils.formats import number_format

from profiles.events import sql
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import EventName, SchemaKey, SchemaPart

SECONDS = 1.0
# The property of an event with the code of ISO 4217 that its amounts are in.
CURRENCY = "currency"
_CODE = re.compile(r"[A-Z]{3}")
# Properties of the field's specifications that are amounts, until somebody reviews them.
_AMOUNTS = frozenset(
    {
        *("amount", "cost", "discount", "price", "revenue", "shipping", "subtotal", "tax"),
        *("total", "unit_price", "value"),
    }
)


def guess_is_money(path: str) -> bool:
    """Return whether a property is an amount of money, as far as its name tells."""
    return path.rsplit(".", 1)[-1].lower() in _AMOUNTS


def currencies_of(names: Collection[EventName]) -> list[str]:
    """Return the currencies of the latest 1,000 of these events, the most frequent first.

    None where events say no currency, or where looking takes too long.
    """
    ids = [name.pk for name in names]
    if not ids:
        return []
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.CURRENCIES_OF_EVENTS, [ids])
            return [code for code, _count in cursor.fetchall()]
    except OperationalError as error:
        fault_of(error)
        return []


def is_money(name: EventName, path: str) -> bool:
    """Return whether a property of an event is an amount: as reviewed, else by its name or use."""
    keys = SchemaKey.objects.filter(part=SchemaPart.PROPERTY, name=name, path=path)
    if reviewed := keys.filter(is_reviewed=True).first():
        return reviewed.is_money
    return path == name.value_property or guess_is_money(path)


def currency_in(properties: Mapping[str, Any]) -> str:
    """Return the currency that an event says its amounts are in, empty if it says none."""
    stated = properties.get(CURRENCY)
    code = stated.upper() if isinstance(stated, str) else ""
    return code if _CODE.fullmatch(code) else ""


def event_amount(value: Any, properties: Mapping[str, Any]) -> str:
    """Return the amount of an event with the currency that it says, empty without an amount."""
    currency = currency_in(properties)
    return "" if value is None else amount_text(value, [currency] if currency else [])


def amount_text(value: Any, currencies: Collection[str] = ()) -> str:
    """Return an amount as people write it, with its currency where it has just one."""
    text = number_format(value, 2, use_l10n=True, force_grouping=True)
    # With a space that does not break.
    return f"{text}\u00a0{next(iter(currencies))}" if len(currencies) == 1 else text
