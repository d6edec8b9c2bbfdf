"""Leaves that add or compare amounts of several currencies, which mean nothing together."""

from collections.abc import Iterator

from django.utils.translation import gettext

from profiles.models import EventName
from profiles.services import CURRENCY, currencies_of, is_money
from segments.compiler.where import fields_of
from segments.language import nodes
from segments.language.operands import Fault, join_path

NET = nodes.Aggregate.NET
_OF_NUMBERS = (nodes.Aggregate.SUM, nodes.Aggregate.AVG, nodes.Aggregate.MIN, nodes.Aggregate.MAX)


def mixed_currencies(path: str, leaf: object) -> Iterator[Fault]:
    """Yield a warning where the latest events of a leaf have amounts in several currencies.

    None where the leaf asks for the currency itself.
    """
    event = leaf.quantity if isinstance(leaf, nodes.RankLeaf) else leaf
    if not isinstance(event, nodes.EventLeaf) or _asks(event):
        return
    kind = event.kind or nodes.Kind.TRACK
    name = EventName.objects.filter(name=event.name, kind=kind).first()
    if name is None or not _is_of_money(event, name):
        return
    currencies = currencies_of([name])
    if len(currencies) > 1:
        place = "aggregate" if event.aggregate is NET else "property"
        yield Fault(join_path(path, place), "mixed_currencies", _words(currencies))


def _is_of_money(event: nodes.EventLeaf, name: EventName) -> bool:
    if event.aggregate is NET:
        return is_money(name, name.value_property)
    key = ".".join(event.property or ())
    return event.aggregate in _OF_NUMBERS and is_money(name, key)


def _asks(event: nodes.EventLeaf) -> bool:
    where = event.where
    return where is not None and any(field.key == (CURRENCY,) for field in fields_of(where))


def _words(currencies: list[str]) -> str:
    text = gettext(
        "The latest amounts are in %(currencies)s, and are taken as they stand: ask for one "
        "currency by a condition."
    )
    return text % {"currencies": ", ".join(currencies)}
