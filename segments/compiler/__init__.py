"""Compiling the nodes of a definition into SQL: pure, without a database, a clock or settings.

Invariant: SQL text comes from constant templates only, and every value is a parameter. A compiled
definition is a boolean over the alias `p` of a profile's row, or a SELECT of profile ids.
"""

from segments.compiler.context import Context, EventNameRef, PartiesOfData
from segments.compiler.due import Period, select_coming, select_dates, select_due
from segments.compiler.fragments import Fragment, fill, join_fragments
from segments.compiler.people import (
    ScopedConditions,
    compile_everyone,
    compile_scoped,
    expanded_leaves,
)

__all__ = [
    "Context",
    "EventNameRef",
    "Fragment",
    "PartiesOfData",
    "Period",
    "ScopedConditions",
    "compile_everyone",
    "compile_scoped",
    "expanded_leaves",
    "fill",
    "join_fragments",
    "select_coming",
    "select_dates",
    "select_due",
]
