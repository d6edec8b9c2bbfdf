"""The slot locks and the definition lock.

Profiles are divided into 64 slots by their id. A writer of memberships first locks the slot of the
profile, then claims the work, and then reads in later statements.

Invariant: the locks end with the transaction, so no process can die and leave one behind.
"""

from collections.abc import Iterable, Mapping
from random import sample

from django.db import connection

from segments.lib import sql

ALL_SLOTS = range(sql.SLOTS)


def slots_of(profile_ids: Iterable[int]) -> set[int]:
    """Return the slots of these profiles."""
    return {profile_id % sql.SLOTS for profile_id in profile_ids}


def choose_slots(counts: Mapping[int, int], limit: int) -> list[int]:
    """Return slots with about as much work as one transaction takes, given that of each.

    They are chosen at random, so that several workers try different ones.
    """
    slots, work = [], 0
    for slot in sample(sorted(counts), len(counts)):
        if work >= limit:
            break
        slots.append(slot)
        work += counts[slot]
    return slots


def try_slots(slots: Iterable[int], *, space: int = sql.LOCK_SPACE) -> list[int]:
    """Lock those of the slots that are free, without waiting, and return them."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TRY_SLOTS, [list(slots), space])
        return [slot for (slot,) in cursor.fetchall()]


def lock_slots(slots: Iterable[int], *, space: int = sql.LOCK_SPACE) -> None:
    """Wait for the slots and lock them."""
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SLOTS, [space, list(slots)])


def lock_all_slots() -> None:
    """Wait for all slots and lock them, so that no membership can change."""
    lock_slots(ALL_SLOTS)


def lock_definitions() -> None:
    """Wait for the lock that every writer of definitions takes.

    Two definitions saved at once could refer to each other, and neither writer would notice.
    """
    lock_slots([sql.DEFINITIONS])
