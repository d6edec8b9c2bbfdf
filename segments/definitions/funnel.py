"""How many people each part of a definition keeps, alone and after those before it.

Invariant: nothing is written, and one statement counts everybody once, within its limit.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import OperationalError, connection

from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from segments.compiler import compile_everyone, fill, join_fragments
from segments.definitions import sql
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.dependencies import check_definition
from segments.definitions.live import make_context, read_live_definitions
from segments.language.nodes import And, AtLeast, Or
from segments.lib.sql import RAISE_WORK_MEM

SECONDS = 2


class Step(NamedTuple):
    """One part of the outermost group.

    `alone` are the people for whom it holds, `left` those for whom all parts up to it do, and
    `kept_out` those for whom it is the only part that does not hold. Of a group of which not all
    parts must hold, only `alone` means something.
    """

    place: int
    alone: int
    left: int
    kept_out: int


def funnel(definition: Mapping[str, Any], *, key: str = "") -> Sequence[Step]:
    """Return a step for each part of the outermost group; nothing where that takes too long.

    Raises DefinitionError.
    """
    node = with_boundaries(check_definition(definition, key=key), [], read_models())
    context = make_context(read_live_definitions().nodes, now=database_now())
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            node, context = settle(node, context, is_afresh=False)
            if not isinstance(node, And | Or | AtLeast):
                return ()
            conditions = [compile_everyone(child, context) for child in node.children]
            statement = fill(
                sql.COUNT_PARTS, conditions=join_fragments(", ", conditions), number=len(conditions)
            )
            cursor.execute(RAISE_WORK_MEM)
            cursor.execute(statement.text, statement.params)
            return [Step(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        fault_of(error)
        return ()
