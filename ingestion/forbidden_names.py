"""The names of properties and traits that staff forbid: nothing under them is taken.

Invariant: a name holds from the next chunk of the drain on. What was stored before stays as it is.
"""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ingestion.messages import Forbidden
from ingestion.models import ForbiddenName
from profiles.lib import exact_json
from profiles.services import Actor, delete_audited, save_audited

MAX_NAMES = 100  # each is looked for in every message


def forbid_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take nothing under a name any more. Raises ValidationError."""
    # Texts of messages are compared in this form.
    forbidden.name = exact_json.composed(forbidden.name)
    if ForbiddenName.objects.exclude(pk=forbidden.pk).count() >= MAX_NAMES:
        raise ValidationError({"name": _("At most %d names can be forbidden.") % MAX_NAMES})
    save_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.name)


def permit_name(forbidden: ForbiddenName, *, actor: Actor) -> None:
    """Take what comes under the name again."""
    delete_audited(forbidden, actor=actor, noun="forbidden_name", key=forbidden.name)


def load_forbidden() -> Forbidden:
    """Read afresh for each chunk, in one query."""
    return Forbidden.of(ForbiddenName.objects.values_list("name", flat=True))
