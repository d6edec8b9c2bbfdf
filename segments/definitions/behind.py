"""The very events of a person that a leaf counts, for explanations."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import OperationalError, connection

from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from profiles.models import Profile
from segments.compiler import fill
from segments.compiler.events import event_condition
from segments.definitions import sql
from segments.definitions.live import effective_definition, make_context, read_live_definitions
from segments.language.nodes import EventLeaf
from segments.language.parser import readable_leaves
from segments.models import Segment

LATEST = 5
SECONDS = 3


class CountedEvent(NamedTuple):
    """One event that a leaf counts: when it was, and its value if it has one."""

    at: datetime
    value: Decimal | None


def events_behind(segment: Segment, profile: Profile) -> Mapping[str, Sequence[CountedEvent]]:
    """Return the latest events of each leaf that counts any, by the leaf's path.

    Empty where reading them takes too long.
    """
    context = make_context(read_live_definitions().nodes, now=database_now())
    leaves = readable_leaves(effective_definition(segment))
    behind = {}
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            for path, leaf in leaves:
                if not isinstance(leaf, EventLeaf):
                    continue
                statement = fill(
                    sql.LATEST_EVENTS,
                    id=profile.pk,
                    condition=event_condition(leaf, context),
                    most=LATEST,
                )
                cursor.execute(statement.text, statement.params)
                behind[path] = [CountedEvent(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        fault_of(error)
    return behind
