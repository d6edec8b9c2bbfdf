"""The names of properties and traits that staff forbid: nothing under them is taken.

Invariant: a name holds from the next chunk of the drain on. What was stored before stays as it is.
"""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ingestion.messages import Forbidden
from ingestion.models import ForbiddenName
from profiles.lib import exact_json
from profiles.services import OTHER_NAMES, Actor, delete_audited, save_audited

MAX_NAMES = 100  # each is looked for in every message


def forbid_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take nothing under a name any more. Raises ValidationError."""
    # Texts of messages are compared in this form.
    forbidden.name = exact_json.composed(forbidden.name)
    if ForbiddenName.objects.exclude(pk=forbidden.pk).count() >= MAX_NAMES:
        raise ValidationError({"name": _("At most %d names can be forbidden.") % MAX_NAMES})
    save_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.name)


class TooManyNames(ValueError):
    """More names would be forbidden than may be."""


def forbid_names(names: Iterable[str], *, actor: Actor) -> int:
    """Forbid those of the names that are not forbidden yet; return how many.

    Raises TooManyNames, and forbids none. What stands for many names, `*`, is none.
    """
    wanted = {exact_json.composed(name) for name in names} - {OTHER_NAMES}
    known = set(ForbiddenName.objects.filter(name__in=wanted).values_list("name", flat=True))
    if len(wanted - known) + ForbiddenName.objects.count() > MAX_NAMES:
        raise TooManyNames(_("At most %d names can be forbidden.") % MAX_NAMES)
    for name in sorted(wanted - known):
        forbid_name(ForbiddenName(name=name), actor=actor)
    return len(wanted - known)


def permit_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take what comes under the name again."""
    delete_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.name)


def load_forbidden() -> Forbidden:
    """Read afresh for each chunk, in one query."""
    return Forbidden.of(ForbiddenName.objects.values_list("name", flat=True))
