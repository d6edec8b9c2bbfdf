"""The names of properties and traits that staff forbid, of one source or of all.

Invariant: a name holds from the next chunk of the drain on. What was stored before stays as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from ingestion.messages import Forbidden, ForbiddenBySource, without_names
from ingestion.models import ForbiddenName
from profiles.lib import exact_json
from profiles.services import OTHER_NAMES, Actor, delete_audited, save_audited

MAX_NAMES = 100  # of all sources, and of one; each is looked for in every message


class TooManyNames(ValueError):
    """More names would be forbidden than may be."""


def forbid_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take nothing under a name any more, from its source or any. Raises ValidationError."""
    # Texts of messages are compared in this form.
    forbidden.name = exact_json.composed(forbidden.name)
    beside = ForbiddenName.objects.filter(source=forbidden.source).exclude(pk=forbidden.pk)
    if beside.count() >= MAX_NAMES:
        raise ValidationError({"name": _("At most %d names can be forbidden.") % MAX_NAMES})
    save_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.audit_key)


def forbid_names(names: Iterable[str], *, actor: Actor) -> int:
    """Forbid those of the names, from any source, that are not forbidden yet; return how many.

    Raises TooManyNames, and forbids none. What stands for many names, `*`, is none.
    """
    wanted = {exact_json.composed(name) for name in names} - {OTHER_NAMES}
    of_all = ForbiddenName.objects.filter(source=None)
    known = set(of_all.filter(name__in=wanted).values_list("name", flat=True))
    if len(wanted - known) + of_all.count() > MAX_NAMES:
        raise TooManyNames(_("At most %d names can be forbidden.") % MAX_NAMES)
    with transaction.atomic():
        for name in sorted(wanted - known):
            forbid_name(ForbiddenName(name=name), actor=actor)
    return len(wanted - known)


def permit_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take what comes under the name again."""
    delete_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.audit_key)


def load_forbidden() -> ForbiddenBySource:
    """Read afresh for each chunk, in one query."""
    by_source: dict[int | None, set[str]] = defaultdict(set)
    for name, source_id in ForbiddenName.objects.order_by().values_list("name", "source"):
        by_source[source_id].add(name)
    of_all = by_source.pop(None, set())
    return ForbiddenBySource(
        Forbidden.of(of_all),
        {
            source_id: Forbidden.of(names | of_all)
            for source_id, names in by_source.items()
            if source_id is not None
        },
    )


def without_forbidden_cells(
    cells: Mapping[str, Any], mapping: Mapping[str, Any], names: frozenset[str]
) -> dict[str, Any]:
    """Return the cells of a row, those empty that are forbidden by column or by what they mean.

    The columns stay, since a refused row is imported again by the same mapping.
    """
    columns = mapping.get("columns")
    targets = columns if isinstance(columns, dict) else {}

    def is_forbidden(column: str) -> bool:
        return not names.isdisjoint([column, *str(targets.get(column, "")).split(".")[1:]])

    return {
        column: "" if is_forbidden(column) else without_names(cell, names)
        for column, cell in cells.items()
    }
