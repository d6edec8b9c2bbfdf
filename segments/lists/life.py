"""Making, changing and ending lists.

Invariant: a list that a live segment asks for is there.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from profiles.services import Actor, audited, differences
from segments.compiler.trees import leaves
from segments.definitions.live import effective_definition, parsed_nodes
from segments.definitions.save import SegmentError
from segments.language.nodes import ListLeaf, Node
from segments.lib.locks import lock_definitions
from segments.lists import sql
from segments.models import Segment, StaticList

CHANGEABLE_FIELDS = ("name", "description")


def create_list(*, key: str, name: str, description: str = "", actor: Actor) -> StaticList:
    """Make an empty list. Raises SegmentError where the key is taken."""
    with audited(actor, "list.created") as deed:
        lock_definitions()
        if StaticList.objects.filter(key=key).exists():
            raise SegmentError("key", "There is a list with this key.")
        row = StaticList(key=key, name=name, description=description)
        row.full_clean()
        row.save()
        deed.about("list", key, **differences({}, _audited_state(row)))
        return row


def update_list(row: StaticList, *, actor: Actor, changes: Mapping[str, Any]) -> StaticList:
    """Change the name or the description of a list."""
    with audited(actor, "list.changed") as deed:
        row = StaticList.objects.select_for_update().get(pk=row.pk)
        before = _audited_state(row)
        for field in CHANGEABLE_FIELDS:
            setattr(row, field, changes.get(field, getattr(row, field)))
        row.full_clean()
        row.save()
        deed.about("list", row.key, **differences(before, _audited_state(row)))
        return row


def delete_list(row: StaticList, *, actor: Actor) -> None:
    """Delete a list with its people. Raises SegmentError where a live segment asks for it."""
    with audited(actor, "list.deleted") as deed:
        lock_definitions()
        if keys := segments_asking(row.key):
            raise SegmentError("key", f"Live segments ask for it: {', '.join(keys)}.")
        with connection.cursor() as cursor:
            cursor.execute(sql.EMPTY_LIST, [row.pk])
        deed.about("list", row.key, **differences(_audited_state(row), {}))
        StaticList.objects.filter(pk=row.pk).delete()


def segments_asking(key: str) -> list[str]:
    """Return the keys of the live segments whose saved or live definition asks for a list."""
    rows = list(Segment.objects.filter(status=Segment.Status.LIVE))
    both = (
        parsed_nodes({row.key: row.definition for row in rows}),
        parsed_nodes({row.key: effective_definition(row) for row in rows}),
    )
    return sorted({name for by in both for name, node in by.items() if key in _lists_of(node)})


def _lists_of(node: Node) -> set[str]:
    return {leaf.key for leaf in leaves(node) if isinstance(leaf, ListLeaf)}


def _audited_state(row: StaticList) -> dict[str, Any]:
    return {"name": row.name, "description": row.description}
