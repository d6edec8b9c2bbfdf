"""From nodes to SQL: pure, without a database, a clock or settings.

Text is constant templates, values are parameters only. A fragment is a boolean over the alias `p` of a profile's row, or a
SELECT of profile ids.
"""

from segments.compiler.context import Context, EventNameRef
from segments.compiler.due import select_due
from segments.compiler.fragments import Fragment, fill, joined
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
    "ScopedConditions",
    "compile_everyone",
    "compile_scoped",
    "expanded_leaves",
    "fill",
    "joined",
    "select_due",
]
