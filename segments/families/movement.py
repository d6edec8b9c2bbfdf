"""Who moved between the groups of a family since a past instant, by the stored history."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection

from profiles.lib.database import array_of, time_limit
from segments.families import sql
from segments.models import SegmentFamily

MOVEMENT_SECONDS = 20


class Move(NamedTuple):
    """How many people were in one group and are in another; None is none of them."""

    former: str | None
    present: str | None
    people: int


def movement(family: SegmentFamily, since: datetime) -> list[Move]:
    """Return the moves of the people who are still here, the largest first.

    Whoever stayed where they were moved from a group to itself.
    """
    parts = dict(family.segments.values_list("pk", "part"))
    with time_limit(MOVEMENT_SECONDS), connection.cursor() as cursor:
        cursor.execute(sql.MOVEMENT, {"segments": array_of(sorted(parts)), "since": since})
        return [
            Move(parts.get(former), parts.get(present), people)
            for former, present, people in cursor.fetchall()
        ]
