"""The pages on which customers confirm what was mailed to them. They work without a script.

Invariant: a GET changes nothing, since programs that look through mail follow every link.
"""

from http import HTTPStatus
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import services
from consent.models import Confirmation, PurposeVersion
from consent.pages.kit import in_their_language, page
from profiles.api.kit.throttles import sender_of
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.services import CUSTOMER

Kind = Confirmation.Kind
_MAX_PURPOSES = 20
# What each page asks, what its button says, and what it says once that is done.
WORDS = {
    Kind.OPT_IN: (
        _("Do you confirm your address?"),
        _("Yes, I confirm it"),
        _("Thank you. Your address is confirmed and your choice is kept."),
    ),
    Kind.GUARDIAN: (
        _("Do you look after this child, and do you agree for them?"),
        _("Yes, I agree"),
        _("Thank you. Your choice is kept."),
    ),
    Kind.NEW_ADDRESS: (
        _("Is this your new address?"),
        _("Yes, it is mine"),
        _("Thank you. Your new address is confirmed."),
    ),
    Kind.UNDO: (
        _("Shall the change of your address be undone?"),
        _("Yes, undo it"),
        _("The change is undone."),
    ),
}


# The code is all that the form is about: a stranger's form could only confirm with their own.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@in_their_language
def confirmation(request: HttpRequest, kind: Confirmation.Kind) -> HttpResponse:
    """Ask for the code of a mailed link, which a script takes from the address, and confirm it."""
    if request.method != "POST":
        return _page(request, kind)
    if wait := seconds_to_wait(Throttle.LINK, sender_of(request)):
        fault, status = _("Please wait a while, then try again."), HTTPStatus.TOO_MANY_REQUESTS
        response = _page(request, kind, fault=fault, status=status)
        response["Retry-After"] = str(wait)
        return response
    purposes = request.POST.getlist("purpose") if _terms(request) else None
    if purposes == []:
        # The code is still good, and no longer in the address.
        fault, code = _("Please choose at least one."), request.POST.get("code", "")
        return _page(request, kind, fault=fault, code=code, status=HTTPStatus.BAD_REQUEST)
    if _is_confirmed(request.POST.get("code", ""), purposes):
        return _page(request, kind, is_done=True)
    fault = _("This link is unknown, was used, or is too old.")
    return _page(request, kind, fault=fault, status=HTTPStatus.BAD_REQUEST)


def _page(
    request: HttpRequest,
    kind: Confirmation.Kind,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    **context: Any,
) -> HttpResponse:
    question, button, thanks = WORDS[kind]
    words = {"title": question, "button": button, "thanks": thanks, "terms": _terms(request)}
    return page(request, "consent/pages/confirmation.html", status=status, **words, **context)


def _terms(request: HttpRequest) -> list[PurposeVersion]:
    """Return the very texts of the purposes that the link names, for the page to show them.

    What is permitted are those that the code is about.
    """
    versions = PurposeVersion.objects.filter(
        purpose__key__in=request.GET.getlist("for")[:_MAX_PURPOSES],
        number=F("purpose__current_version"),
    )
    return list(versions.select_related("purpose").order_by("purpose__key"))


def _is_confirmed(code: str, purposes: list[str] | None) -> bool:
    try:
        return services.confirm(code, purposes=purposes, actor=CUSTOMER) is not None
    except InvalidIdentifier:
        return False
