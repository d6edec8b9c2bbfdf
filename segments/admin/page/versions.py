"""The tab Versions: what each version changed, in words, and who entered and left by it.

Invariant: of a definition whose operands are hidden nothing is put into words, and nobody is named
or counted who entered or left by it, also where a later version asks for nothing that is hidden.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from django.db.models import Count, Q, Value
from django.utils.translation import gettext as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import display_name
from profiles.models import Profile
from profiles.services import actor_names
from segments.admin.builder.views import sentence_of
from segments.admin.forms import formatted_definition
from segments.definitions.sensitivity import Sensitivity, load_sensitivity
from segments.language.parser import child_definitions
from segments.models import MembershipChange, Segment, SegmentVersion

MAX_VERSIONS = 50
MAX_MOVED = 10  # people by name; the rest is a number


class Line(NamedTuple):
    """One condition or group of a definition in words: kept (` `), taken out (`−`) or new (`+`)."""

    sign: str
    depth: int
    words: str


class Moved(NamedTuple):
    """Somebody who entered or left by a version. The id is None if there is no such profile."""

    profile_id: int | None
    name: str
    has_entered: bool


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version: who wrote it, what it says, what it changed, and whom it moved.

    If `is_hidden`, it or the former one asks for what the user may not see.
    """

    version: SegmentVersion
    author: str
    is_hidden: bool
    sentence: str
    lines: list[Line]
    text: str
    entered: int
    left: int
    moved: list[Moved]


def load_versions(segment: Segment, mask: Mask) -> list[VersionRow]:
    """Return the versions, the latest first. Takes six queries, and three for each of them."""
    newest = SegmentVersion.objects.filter(segment=segment).order_by("-number")
    rows = list(newest[: MAX_VERSIONS + 1])
    names = actor_names(version.author for version in rows)
    sensitivity = None if mask.is_open else load_sensitivity()
    pairs = zip([None, *rows], rows, [*rows[1:], None], strict=False)
    return [
        _row(segment, version, former, until, names[version.author], mask)
        if sensitivity is None or not sensitivity.is_any_sensitive(version, former)
        else _hidden_row(version, names[version.author], sensitivity)
        for (later, version, former) in list(pairs)[:MAX_VERSIONS]
        for until in [later.created_at if later else None]
    ]


def _row(
    segment: Segment,
    version: SegmentVersion,
    former: SegmentVersion | None,
    until: datetime | None,
    author: str,
    mask: Mask,
) -> VersionRow:
    entered, left, moved = _moved(segment, version.created_at, until, mask)
    return VersionRow(
        version,
        author,
        False,
        sentence_of(version.definition),
        difference(former.definition if former else None, version.definition),
        formatted_definition(version.definition),
        entered,
        left,
        moved,
    )


def _hidden_row(version: SegmentVersion, author: str, sensitivity: Sensitivity) -> VersionRow:
    text = formatted_definition(sensitivity.mask_operands(version.definition))
    return VersionRow(version, author, True, "", [], text, 0, 0, [])


def difference(former: Any, present: Any) -> list[Line]:
    """Return what a definition changed of a former one, condition by condition."""
    before = [] if former is None else list(definition_lines(former))
    after = list(definition_lines(present))
    lines: list[Line] = []
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for _tag, start, end, first, last in matcher.get_opcodes():
        if before[start:end] == after[first:last]:
            lines += (Line(" ", *line) for line in after[first:last])
        else:
            lines += (Line("−", *line) for line in before[start:end])
            lines += (Line("+", *line) for line in after[first:last])
    return lines


def definition_lines(definition: Any, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Yield a line for each group and leaf of a definition, with how deep it lies."""
    children = child_definitions(definition)
    if not children:
        yield depth, sentence_of(definition) or formatted_definition(definition)
        return
    yield depth, _group_words(definition)
    for _field, child in children:
        yield from definition_lines(child, depth + 1)


def _group_words(definition: Any) -> str:
    match definition["type"]:
        case "and":
            return _("All of these:")
        case "or":
            return _("Any of these:")
        case "not":
            return _("Not:")
        case _:
            return _("At least %(count)s of these:") % {"count": definition.get("count", "")}


def _moved(
    segment: Segment, since: datetime, until: datetime | None, mask: Mask
) -> tuple[int, int, list[Moved]]:
    """Return how many entered and left because of a version, and some of them by name."""
    changes = MembershipChange.objects.filter(
        segment=segment, reason=MembershipChange.Reason.DEFINITION, changed_at__gte=since
    )
    if until is not None:
        changes = changes.filter(changed_at__lt=until)
    counts = changes.order_by().aggregate(
        entered=Count(Value(1), filter=Q(has_entered=True)),
        left=Count(Value(1), filter=Q(has_entered=False)),
    )
    rows = list(changes.order_by("-changed_at", "-id")[:MAX_MOVED])
    profiles = Profile.objects.in_bulk({row.profile_id for row in rows})
    return (
        counts["entered"],
        counts["left"],
        [_make_moved(row, profiles.get(row.profile_id), mask) for row in rows],
    )


def _make_moved(row: MembershipChange, profile: Profile | None, mask: Mask) -> Moved:
    if profile is None or profile.is_restricted:
        return Moved(None, _("no longer here"), row.has_entered)
    name = display_name(profile.traits, mask) or _("anonymous")
    return Moved(profile.pk, name, row.has_entered)
