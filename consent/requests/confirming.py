"""What happens once somebody followed a mailed link and confirmed."""

from collections.abc import Collection

from consent.customers.confirmations import Kind, take_confirmation
from consent.models import Confirmation, Purpose
from consent.requests.guardians import accept_guardian
from consent.requests.new_address import accept_new_address, undo_new_address
from consent.requests.opt_in import accept_opt_in
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited

# Each returns whether the address was that of an erased person, who comes back by it.
_ACTS = {
    Kind.OPT_IN: accept_opt_in,
    Kind.GUARDIAN: accept_guardian,
    Kind.NEW_ADDRESS: accept_new_address,
    Kind.UNDO: undo_new_address,
}


def confirm(
    code: str, *, purposes: Collection[str] | None = None, actor: Actor
) -> Confirmation.Kind | None:
    """Do what a mailed code confirms, and return which kind it was.

    Of several purposes just those are permitted that are named; all, where None is given. None if
    the code is unknown, was used, or has ended. Raises InvalidIdentifier where the address may not
    be used any more.
    """
    with audited(actor, "confirmation.used") as deed:
        people_lock()
        taken = take_confirmation(code)
        if taken is None:
            return None
        confirmation, address = taken
        kind = Kind(confirmation.kind)
        if purposes is not None:
            chosen = Purpose.objects.filter(pk__in=confirmation.purpose_ids, key__in=purposes)
            confirmation.purpose_ids = list(chosen.values_list("pk", flat=True))
        was_erased = _ACTS[kind](confirmation, address, actor=actor)
        deed.about("confirmation", confirmation.pk, kind=[None, kind], lifted=[None, was_erased])
        return kind
