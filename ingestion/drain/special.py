"""Keeping special traits (article 9) out of what is stored of a message beside its traits.

Invariant: of what a message says of the person, special traits are stored by `record_traits` alone,
which encrypts them. Properties of events are no traits, and stay as they are.
"""

from collections.abc import Collection, Sequence
from typing import Any

from ingestion.drain.chunk import PendingMessage
from profiles.lib import exact_json
from profiles.services import special_among


def cut_special_traits(messages: Sequence[PendingMessage]) -> None:
    """Take special traits out of contexts, before these become those of events.

    Some SDKs send all traits of the person along with each event.
    """
    contexts = {
        pending.message.context: exact_json.loads(pending.message.context)
        for pending in messages
        if _may_have_traits(pending.message.context)
    }
    special = special_among({key for context in contexts.values() for key in _traits_of(context)})
    cut = {
        text: exact_json.dumps(_without(context, special))
        for text, context in contexts.items()
        if not special.isdisjoint(_traits_of(context))
    }
    for pending in messages if cut else ():
        if (text := cut.get(pending.message.context)) is not None:
            pending.message = pending.message._replace(context=text)


def _may_have_traits(context: str) -> bool:
    # A key may be spelled by escapes, too.
    return '"traits"' in context or "\\u" in context


def _without(context: dict[str, Any], special: Collection[str]) -> dict[str, Any]:
    traits = {key: value for key, value in _traits_of(context).items() if key not in special}
    return {**context, "traits": traits}


def _traits_of(context: dict[str, Any]) -> dict[str, Any]:
    traits = context.get("traits")
    return traits if isinstance(traits, dict) else {}
