"""The end of a restriction (article 18(3)): what was kept and not used may be used again.

Invariant: whoever another request restricts stays restricted.
"""

from datetime import datetime

from django.utils.translation import gettext

from consent.models import PrivacyRequest
from consent.requests.effects import release_people
from consent.requests.statuses import Kind, Status, WrongStatus, write_log
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited


def lift_restriction(request: PrivacyRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """End the restriction that a request brought. Ending it again changes nothing.

    Raises WrongStatus where it is no restriction in effect.
    """
    with audited(actor, "privacy_request.restriction_lifted") as deed:
        people_lock()
        request.refresh_from_db(fields=["status", "lifted_at"])
        if not is_restriction_in_effect(request):
            if request.lifted_at is not None:
                return
            raise WrongStatus(gettext("This request restricts nobody."))
        PrivacyRequest.objects.filter(pk=request.pk).update(lifted_at=now)
        request.lifted_at = now
        write_log(request, actor=actor, note=reason)
        release_people(request)
        deed.about("privacy_request", request.pk, lifted_at=[None, now.isoformat()])


def is_restriction_in_effect(request: PrivacyRequest) -> bool:
    """Whether people are restricted by this request, which is one for a restriction."""
    is_done = request.kind == Kind.RESTRICTION and request.status == Status.DONE
    return is_done and request.lifted_at is None
