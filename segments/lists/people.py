"""Putting people on lists and taking them off.

Invariant: only people who are here are put on a list, under the people lock, so that nobody who is
erased or absorbed meanwhile stays on it. A change wakes its people; one of many people at once
rebuilds the segments that ask for the list instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Count, F

from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed, mark_changes, nudge
from profiles.lib.database import array_of, database_now, time_limit
from profiles.lib.estimates import estimated_rows
from profiles.lib.faults import fault_of
from profiles.lib.people_lock import people_lock
from profiles.models import ProfileChange
from profiles.services import Actor, Category, audited
from segments.compiler import compile_everyone, fill
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.dependencies import check_definition
from segments.definitions.live import make_context, read_live_definitions
from segments.definitions.sensitivity import load_sensitivity
from segments.language.operands import DefinitionError, definition_error
from segments.lib.people_by_reference import anchors_by_uuid, anchors_of, find_people
from segments.lib.sql import RAISE_WORK_MEM
from segments.lists import sql
from segments.models import ListedPerson, StaticList

_BATCH = 10_000
# Of the people that there are. More changes at once are a rebuild of what asks for the list.
BULK_SHARE = 0.02
# A queue of so many is worked off faster than anything is rebuilt.
FEW_PEOPLE = 50_000


@dataclass(frozen=True, slots=True)
class ListChange:
    """How many people a call put on a list or took off it, and which references name nobody.

    `unknown` are their places in the call, so that no answer repeats an identifier.
    """

    people: int
    unknown: Sequence[int] = ()


def add_people(row: StaticList, references: Sequence[str], *, actor: Actor) -> ListChange:
    """Put the people on a list who have these `namespace:value` references."""
    with audited(actor, "list.people_added") as deed:
        people_lock(shared=True)
        people = find_people(references)
        added = _add(row, anchors_of(people.profile_ids))
        mark_changes(ProfileChange.Kind.LIST, [(profile, row.key) for profile in added])
        if added:
            deed.about("list", row.key, people=[None, len(added)])
        return ListChange(len(added), people.unknown)


def put_on_list(row: StaticList, profile_id: int) -> None:
    """Put one person on a list for an automation.

    In the transaction of a caller who holds the people lock. What it writes starts no automation.
    """
    mark_changed(_add(row, anchors_of([profile_id])))


def take_off_list(row: StaticList, profile_id: int) -> None:
    """Take one person off a list for an automation, by the same rules."""
    parameters = {"list": row.pk, "profiles": array_of([profile_id])}
    mark_changed(set(_returned(sql.REMOVE_PEOPLE, parameters)))


def remove_people(row: StaticList, references: Sequence[str], *, actor: Actor) -> ListChange:
    """Take the people off a list who have these `namespace:value` references."""
    with audited(actor, "list.people_removed") as deed:
        people_lock(shared=True)
        people = find_people(references)
        parameters = {"list": row.pk, "profiles": array_of(people.profile_ids)}
        removed = set(_returned(sql.REMOVE_PEOPLE, parameters))
        mark_changed(removed)
        if removed:
            deed.about("list", row.key, people=[len(removed), None])
        return ListChange(len(removed), people.unknown)


def fill_list(row: StaticList, definition: Mapping[str, Any], *, actor: Actor) -> ListChange:
    """Put everybody on a list for whom a definition holds now.

    It works in parts, each a write of its own. Raises DefinitionError, also for a definition that
    takes too long.
    """
    is_sensitive = load_sensitivity().of(definition) != Category.ORDINARY
    uuids = _everybody(definition)
    people = max(estimated_rows("profiles_profile") or 0, FEW_PEOPLE)
    is_bulk = len(uuids) > BULK_SHARE * people
    added = 0
    for part in batches(uuids, _BATCH):
        with audited(actor, "list.filled") as deed:
            people_lock(shared=True)
            if is_sensitive:
                # In the transaction that adds the first of them.
                StaticList.objects.filter(pk=row.pk).update(is_sensitive=True)
            ids = _add(row, anchors_by_uuid(part))
            if ids:
                _announce(row, ids, is_bulk=is_bulk)
                deed.about("list", row.key, people=[None, len(ids)])
            added += len(ids)
    return ListChange(added)


def _announce(row: StaticList, profile_ids: Sequence[int], *, is_bulk: bool) -> None:
    """Have the segments evaluated again that ask for the list."""
    if is_bulk:
        StaticList.objects.filter(pk=row.pk).update(revision=F("revision") + 1)
        nudge("segments.resume_rebuilds")
    else:
        mark_changed(profile_ids)


def _everybody(definition: Mapping[str, Any]) -> list[str]:
    """Return the public ids of the people for whom a definition holds now."""
    node = with_boundaries(check_definition(definition), [], read_models())
    context = make_context(read_live_definitions().nodes, now=database_now())
    try:
        with time_limit(settings.SEGMENT_BUILD_SECONDS), connection.cursor() as cursor:
            node, context = settle(node, context, is_afresh=False)
            cursor.execute(RAISE_WORK_MEM)
            statement = fill(sql.LIST_EVERYBODY, condition=compile_everyone(node, context))
            cursor.execute(statement.text, statement.params)
            return [str(uuid) for (uuid,) in cursor.fetchall()]
    except Error as error:
        raise _refusal(fault_of(error)) from None


def _refusal(fault: str) -> DefinitionError:
    if fault == "query_canceled":
        return definition_error("", "too_slow", "Evaluating this takes too long.")
    return definition_error("", "not_evaluable", f"The database cannot evaluate this: {fault}.")


def _add(row: StaticList, anchors: Mapping[int, int]) -> list[int]:
    """Put people on a list; return the profiles of those who were not on it."""
    # Also by another identifier, that of somebody absorbed.
    listed = ListedPerson.objects.filter(list=row, profile_id__in=list(anchors))
    present = set(listed.values_list("profile_id", flat=True))
    absent = {profile: anchor for profile, anchor in anchors.items() if profile not in present}
    parameters = {
        "list": row.pk,
        "profiles": array_of(absent),
        "identifiers": array_of(absent.values()),
    }
    return _returned(sql.ADD_PEOPLE, parameters)


def _returned(statement: str, parameters: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [profile_id for (profile_id,) in cursor.fetchall()]


def people_on(row: StaticList) -> int:
    """Return how many people are on a list."""
    people = ListedPerson.objects.filter(list=row, profile__is_restricted=False)
    return people.aggregate(count=Count("profile_id", distinct=True))["count"] or 0
