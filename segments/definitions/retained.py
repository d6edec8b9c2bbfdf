"""Conditions without a window on events that are not kept for ever.

They ask for “ever”, which means: within the time for which the events are kept.
"""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext

from segments.language import nodes
from segments.language.filters import event_filters
from segments.language.operands import Fault, join_path

# By kind and name, for how long events are kept.
Retained = Mapping[tuple[str, str], str]


def within_retention(path: str, leaf: object, retained: Retained) -> Iterator[Fault]:
    """Yield a warning where a leaf asks for all time and its events are deleted before."""
    match leaf:
        case (
            nodes.EventLeaf(window=None)
            | nodes.SequenceLeaf(window=None)
            | nodes.RankLeaf(quantity=nodes.EventLeaf(window=None))
            | nodes.LifeCycleLeaf()
        ):
            for place, (name, kind, *_) in event_filters(leaf):
                if (period := retained.get((str(kind), name))) is not None:
                    inside = join_path(path, place) if place else path
                    yield Fault(join_path(inside, "name"), "within_retention", _words(name, period))


def _words(name: str, period: str) -> str:
    text = gettext("“Ever” means within retention: %(name)s is kept for %(period)s.")
    return text % {"name": name, "period": period}
