"""Whom an export is of: the members of a segment, those on a list, or whom a definition fits.

Invariant: a list of ids is only where to look. The statement that reads the people asks once more
whether each of them is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.db.models import QuerySet

from profiles.lib.database import database_now
from profiles.models import Profile
from segments.compiler import Context, Fragment, compile_scoped, fill
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.dependencies import check_definition
from segments.definitions.live import make_context, read_live_definitions
from segments.language.nodes import Node
from segments.models import ListedPerson, MemberExport, Membership, Segment, StaticList


class Closed(Exception):
    """What people were exported of is closed or gone: nobody leaves by it any more."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a batch joins beside the profiles, since when each person is meant, and who is."""

    joins: Fragment
    since: Fragment
    holds: Fragment


class People(Protocol):
    """Whom an export is of."""

    def ids_after(self, after: int, most: int) -> Sequence[int]:
        """Return the next profiles to look at, in order. Raises Closed."""
        ...

    def parts(self, ids: Sequence[int]) -> Parts:
        """Return the parts of the statement that reads those of these profiles who are meant."""
        ...


@dataclass(frozen=True, slots=True)
class MembersOf:
    """The members of a segment, while it is live, delivers, and is not set apart."""

    segment: Segment

    def ids_after(self, after: int, most: int) -> Sequence[int]:
        open_segments = Segment.objects.filter(
            status=Segment.Status.LIVE, failed_at=None, paused_at=None
        )
        if not open_segments.filter(pk=self.segment.pk).exists():
            raise Closed
        members = Membership.objects.filter(segment=self.segment, profile_id__gt=after)
        return _first(members.order_by("profile_id"), "profile_id", most)

    def parts(self, ids: Sequence[int]) -> Parts:
        return Parts(
            Fragment("JOIN segments_membership m ON m.profile_id = p.id"),
            Fragment("m.entered_at"),
            fill("m.segment_id = {segment}::bigint", segment=self.segment.pk),
        )


@dataclass(frozen=True, slots=True)
class PeopleOn:
    """The people on a list, while there is one."""

    list: StaticList

    def ids_after(self, after: int, most: int) -> Sequence[int]:
        if not StaticList.objects.filter(pk=self.list.pk).exists():
            raise Closed
        listed = ListedPerson.objects.filter(list=self.list, profile_id__gt=after)
        return _first(listed.order_by("profile_id").distinct(), "profile_id", most)

    def parts(self, ids: Sequence[int]) -> Parts:
        return Parts(
            Fragment("JOIN segments_listedperson r ON r.profile_id = p.id"),
            Fragment("r.added_at"),
            fill("r.list_id = {list}::bigint", list=self.list.pk),
        )


@dataclass(frozen=True, slots=True)
class WhomFits:
    """Everybody for whom a definition holds when they are looked at."""

    node: Node
    context: Context

    @classmethod
    def by(cls, definition: Mapping[str, Any]) -> "WhomFits":
        """Raises DefinitionError."""
        node = with_boundaries(check_definition(definition), [], read_models())
        context = make_context(read_live_definitions().nodes, now=database_now())
        return cls(*settle(node, context, is_afresh=False))

    def ids_after(self, after: int, most: int) -> Sequence[int]:
        return _first(Profile.objects.filter(pk__gt=after).order_by("pk"), "pk", most)

    def parts(self, ids: Sequence[int]) -> Parts:
        context = replace(self.context, now=database_now())
        scoped = compile_scoped([self.node], ids, context)
        return Parts(
            scoped.joins,
            Fragment("NULL::timestamptz"),
            fill("NOT p.is_restricted AND {condition}", condition=scoped.conditions[0]),
        )


def people_of(export: MemberExport) -> People:
    """Return whom an export is of. Raises Closed, and DefinitionError."""
    if export.segment is not None:
        return MembersOf(export.segment)
    if export.list is not None:
        return PeopleOn(export.list)
    if export.definition is not None:
        return WhomFits.by(export.definition)
    raise Closed


def _first(rows: QuerySet[Any], field: str, most: int) -> Sequence[int]:
    return list(rows.values_list(field, flat=True)[:most])
