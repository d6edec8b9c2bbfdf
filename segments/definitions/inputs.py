"""What an evaluation reads, and how a change of each of it reaches memberships.

Invariant: whatever compiled SQL or its context reads stands in this table. An input of a person
queues that person in the transaction that changes it. The clock is looked ahead by `due.py`. A
global input has a text: a segment stores the one that it was built with, and another one means a
rebuild, never a queue of everybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from segments.compiler import Context, expanded_leaves
from segments.compiler.context import event_name_refs
from segments.compiler.people import event_leaves
from segments.compiler.trees import leaves
from segments.definitions.membership import base_key
from segments.language.filters import filter_of
from segments.language.nodes import (
    Aggregate,
    CalendarUnit,
    ListLeaf,
    Node,
    SegmentLeaf,
    SessionLeaf,
    StatedLeaf,
    TimeLeaf,
)


class Scope(StrEnum):
    PERSON = "of a person"
    CLOCK = "the clock"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Input:
    """One input: the tables, or the fields of the context, that it is read from."""

    scope: Scope
    read_from: tuple[str, ...]
    change: str


INPUTS = (
    Input(
        Scope.PERSON,
        ("profiles_profile", "profiles_sourcerecord"),
        "the drain, a correction, a restriction or a merge marks the profile as changed",
    ),
    Input(
        Scope.PERSON,
        ("profiles_event", "profiles_eventstat"),
        "the drain, a merge or an erasure marks the profile as changed",
    ),
    Input(
        Scope.PERSON,
        ("profiles_identifier",),
        "whoever gains or loses an identifier is marked as changed",
    ),
    Input(
        Scope.PERSON,
        ("profiles_account", "profiles_accountmember"),
        "whoever becomes a member is marked as changed; a changed account wakes its members",
    ),
    Input(
        Scope.PERSON,
        ("consent_consentstate",),
        "a decision marks the profile as changed; its end is due",
    ),
    Input(
        Scope.PERSON,
        ("segments_membership", "segments_membershipchange"),
        "since when somebody is a member: written by the evaluation itself",
    ),
    Input(
        Scope.PERSON,
        ("segments_listedperson",),
        "whoever is put on a list or taken off is marked as changed; many at once are a revision",
    ),
    Input(
        Scope.PERSON,
        ("segments_override",),
        "who is included or excluded is evaluated with it; its start and end are due",
    ),
    Input(Scope.CLOCK, ("now", "is_present"), "due by an index, or by a wake-up written down"),
    Input(
        Scope.GLOBAL,
        (
            *("zone", "week_start", "zones", "session_gaps", "list_revisions", "parties"),
            "segments_staticlist",
        ),
        "the text of `global_inputs`",
    ),
    Input(
        Scope.GLOBAL,
        ("segments", "segments_segment", "segments_segmentfamily"),
        "a new version, or new boundaries, are built together with the segments that lean on it",
    ),
    Input(
        Scope.GLOBAL,
        ("permitted", "consent_purpose"),
        "new terms mark those who decided as changed",
    ),
    # Rows of these are only ever added, and whoever brought one is marked as changed.
    Input(
        Scope.GLOBAL,
        ("names", "profiles_source"),
        "never changes what is there, but which events reduce others: the text of `global_inputs`",
    ),
)


def global_inputs(node: Node, context: Context) -> str:
    """Return the values of the global inputs that a definition reads, as one text."""
    parts = [part for leaf in expanded_leaves(node, context) for part in _parts(leaf)]
    read = [context.zone.key]
    if CalendarUnit.WEEK in parts:
        read.append(f"weeks from {context.week_start}")
    if any(isinstance(part, TimeLeaf) and part.is_visitors for part in parts):
        names = ",".join(context.zones)
        read.append(f"zones {_digest(names)}")
    if any(isinstance(part, SessionLeaf) for part in parts):
        gaps = ",".join(f"{source}:{gap}" for source, gap in sorted(context.session_gaps.items()))
        read.append(f"sessions {_digest(gaps)}")
    if any(isinstance(part, StatedLeaf) for part in parts):
        of_sources, of_traits = context.parties.by_source, context.parties.by_trait
        parties = sorted(of_sources.items()), sorted(of_traits.items())
        read.append(f"parties {_digest(repr(parties))}")
    if rivals := [leaf.key for leaf in _rivals(node)]:
        read.append(f"group {_digest(','.join(rivals))}")
    if reducing := _reducing(node, context):
        read.append(f"reducing {_digest(','.join(reducing))}")
    if lists := {part.key for part in parts if isinstance(part, ListLeaf)}:
        revisions = ",".join(f"{key}:{context.list_revisions.get(key, 0)}" for key in sorted(lists))
        read.append(f"lists {_digest(revisions)}")
    return "; ".join(read)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _reducing(node: Node, context: Context) -> list[str]:
    """Return the ids of the names whose events reduce net values that a definition reads."""
    names = {
        ref.id
        for event in event_leaves([node], context)
        if event.aggregate is Aggregate.NET
        for ref in event_name_refs(filter_of(event), context)
        if ref.reduces == event.name
    }
    return [str(pk) for pk in sorted(names)]


def _rivals(node: Node) -> Iterator[SegmentLeaf]:
    """Yield the leaves of the segments that come first in a segment's own group."""
    own: Iterator[Any] = leaves(node)
    for leaf in own:
        if isinstance(leaf, SegmentLeaf) and leaf.key != base_key(leaf.key):
            yield leaf


def _parts(part: Any) -> Iterator[Any]:
    """Yield a node and everything in it."""
    yield part
    if isinstance(part, tuple):
        for inner in part:
            yield from _parts(inner)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _parts(getattr(part, field.name))
