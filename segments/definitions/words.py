"""Words in a definition that stand for nothing in the store: events, traits and values.

They are no faults, since the first such event may come tomorrow. But whoever writes `Orders` for
`Order Completed` should be told. Invariant: only reviewed, ordinary traits are suggested, and of
them only values that many people share.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.db import OperationalError, connection

from consent.services import retained_events
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import EventName, TraitDefinition
from profiles.services import kept_apart, load_categories
from segments.definitions import sql
from segments.definitions.amounts import mixed_currencies
from segments.definitions.retained import within_retention
from segments.language import nodes
from segments.language.filters import event_filters
from segments.language.operands import Fault, join_path
from segments.language.parser import parse, readable_leaves

MAX_SUGGESTIONS = 3
# As many words are compared with the wrong one.
MAX_CANDIDATES = 2000
# Beneath this similarity two words have nothing to do with each other.
LIKENESS = 0.6
# Fewer people than this could be known by the value.
SHARED_BY = 10
# A whole look at a trait's values may be slow, and is not worth more.
VALUE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of the store: kinds by event name, and whether each trait may be suggested.

    `special` are traits that no segment sees.
    """

    kinds: Mapping[str, set[str]]
    traits: Mapping[str, bool]
    special: Collection[str]


def unknown_words(definition: object) -> list[Fault]:
    """Return a warning for each word of a valid definition that stands for nothing yet.

    And where “ever” is no longer than data are kept, or amounts are of several currencies.

    The paths are those of faults. Raises DefinitionError.
    """
    parse(definition)
    return unknown_words_so_far(definition)


def unknown_words_so_far(definition: object) -> list[Fault]:
    """Return the same for the leaves of a definition that have no fault."""
    vocabulary, retained = _read_vocabulary(), retained_events()
    return [
        warning
        for path, leaf in readable_leaves(definition)
        for warning in (
            *_leaf_warnings(path, leaf, vocabulary),
            *within_retention(path, leaf, retained),
            *mixed_currencies(path, leaf),
        )
    ]


def _read_vocabulary() -> Vocabulary:
    kinds: dict[str, set[str]] = {}
    for kind, name in EventName.objects.values_list("kind", "name"):
        kinds.setdefault(name, set()).add(kind)
    categories = load_categories()
    keys = list(TraitDefinition.objects.values_list("key", flat=True))
    return Vocabulary(kinds, {key: categories.is_shown(key) for key in keys}, kept_apart(keys))


def _leaf_warnings(path: str, leaf: object, vocabulary: Vocabulary) -> Iterator[Fault]:
    match leaf:
        case (
            nodes.EventLeaf()
            | nodes.RegularLeaf()
            | nodes.SequenceLeaf()
            | nodes.RankLeaf()
            | nodes.LifeCycleLeaf()
        ):
            for place, (name, kind, *_) in event_filters(leaf):
                if name != "*" and kind not in vocabulary.kinds.get(name, set()):
                    detail = _unknown_event(name, str(kind), vocabulary)
                    inside = join_path(path, place) if place else path
                    yield Fault(join_path(inside, "name"), "unknown_event", detail)
        case nodes.GeoLeaf(key) if key[0] not in vocabulary.traits:
            yield _unknown_trait(path, key, vocabulary)
        case nodes.StatedLeaf(key=str() as name) if name not in vocabulary.traits:
            yield _unknown_trait(path, (name,), vocabulary)
        case nodes.StatedLeaf(key=str() as name) if name in vocabulary.special:
            yield _special_trait(path, name)
        case nodes.TraitLeaf(key, test):
            if key[0] not in vocabulary.traits:
                yield _unknown_trait(path, key, vocabulary)
            elif key[0] in vocabulary.special:
                yield _special_trait(path, key[0])
            elif vocabulary.traits[key[0]]:
                yield from _value_warnings(path, key, test)


def _special_trait(path: str, key: str) -> Fault:
    detail = f"{key} is special data: it is encrypted, and no segment sees it."
    return Fault(join_path(path, "key"), "special_trait", detail)


def _unknown_trait(path: str, key: nodes.Path, vocabulary: Vocabulary) -> Fault:
    suggestions = [name for name, is_shown in vocabulary.traits.items() if is_shown]
    detail = f"No trait is called {key[0]}{_nearest(key[0], suggestions)}."
    return Fault(join_path(path, "key"), "unknown_trait", detail)


def _unknown_event(name: str, kind: str, vocabulary: Vocabulary) -> str:
    if kinds := vocabulary.kinds.get(name):
        return f"{name} is no {kind} event but a {' or '.join(sorted(kinds))} event."
    # A name can contain an address that somebody was invited by.
    candidates = [other for other in vocabulary.kinds if "@" not in other]
    noun = "event" if kind == nodes.Kind.TRACK else kind
    return f"No {noun} is called {name}{_nearest(name, candidates)}."


def _value_warnings(path: str, key: nodes.Path, test: nodes.Test) -> Iterator[Fault]:
    """Yield a warning for each text that nobody has as a value of the trait."""
    values = {
        value: place
        for value, place in _compared_texts(test)
        # Other spellings count as equal.
        if getattr(test, "folding", nodes.EXACT) == nodes.EXACT
    }
    known = _shared_values(key, list(values)) if values else None
    if known is None:
        return
    for value, place in values.items():
        if value not in known:
            suggestions = [other for other, count in known.items() if count >= SHARED_BY]
            detail = f'Nobody\'s {".".join(key)} is "{value}"{_nearest(value, suggestions)}.'
            yield Fault(join_path(path, place), "unknown_value", detail)


def _compared_texts(test: nodes.Test) -> Iterator[tuple[str, str]]:
    """Yield the texts that a value must equal, each with its place below the leaf."""
    match test:
        case nodes.Equals(str() as value):
            yield value, "value"
        case nodes.OneOf(values) | nodes.Includes(_, values):
            for place, item in enumerate(values):
                if isinstance(item, str):
                    yield item, f"value[{place}]" if len(values) > 1 else "value"


def _shared_values(key: nodes.Path, values: list[str]) -> dict[str, int] | None:
    """Return how many people have each of these values of a trait, and each common one.

    Returns None where that takes too long.
    """
    parameters: dict[str, Any] = {
        "path": list(key),
        "values": values,
        "shared_by": SHARED_BY,
        "limit": MAX_CANDIDATES,
    }
    try:
        with time_limit(VALUE_SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.SHARED_VALUES, parameters)
            return dict(cursor.fetchall())
    except OperationalError as error:
        fault_of(error)
        return None


def _nearest(word: str, candidates: list[str]) -> str:
    """Return the end of a sentence that names the candidates most like the word."""
    ranked = sorted(((_likeness(word, other), other) for other in candidates), reverse=True)
    near = [other for likeness, other in ranked if likeness >= LIKENESS][:MAX_SUGGESTIONS]
    return f"; nearest: {', '.join(near)}" if near else ""


def _likeness(word: str, other: str) -> float:
    """Return how alike two words are, from 0 to 1; a word of a longer name counts alone, too."""
    wanted, name = word.casefold(), other.casefold()
    whole = SequenceMatcher(None, wanted, name).ratio()
    # A part alone is less than the whole.
    return max(
        [whole, *(0.9 * SequenceMatcher(None, wanted, part).ratio() for part in name.split())]
    )
