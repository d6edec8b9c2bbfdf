"""The way in: asking for a mailed link, opening a session with it, and logging out.

Invariant: what is answered, and how long that takes, is the same for known and unknown addresses.
The session's token is in a cookie that no script can read, and in no address.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consent import services
from consent.customers.sessions import SESSION_MINUTES, end_session
from consent.models import MailedLink
from consent.pages.kit import in_their_language, page
from profiles.api.kit.throttles import sender_of
from profiles.lib.throttles import Throttle, seconds_to_wait

COOKIE = "tessera_customer"
PATH = "/privacy/"


def own_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Call the view with the link whose session the browser has; without one, show the way in."""

    @wraps(view)
    @in_their_language
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        link = services.find_session(request.COOKIES.get(COOKIE, ""))
        if link is None or link.identifier_id is None:
            notice = _("Your session is over. Please ask for a new link.")
            return forget(_entrance(request, notice=notice, status=HTTPStatus.FORBIDDEN))
        return view(request, link, *args, **kwargs)

    return guarded


@require_http_methods(["GET", "HEAD", "POST"])
@in_their_language
def entrance(request: HttpRequest) -> HttpResponse:
    """Ask for an address, or exchange a mailed link for a session."""
    if request.method != "POST":
        return _entrance(request)
    if refusal := _refused(request):
        return refusal
    token = request.POST.get("code", "").strip().rpartition("#")[2]
    session = services.open_session(token)
    if session is None:
        fault = _("This link is unknown, was used, or is too old.")
        return _entrance(request, fault=fault, status=HTTPStatus.BAD_REQUEST)
    response = redirect("privacy-data")
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=SESSION_MINUTES * 60,
        path=PATH,
        secure=request.is_secure(),
        httponly=True,
        samesite="Strict",
    )
    return response


@require_POST
@in_their_language
def send_link(request: HttpRequest) -> HttpResponse:
    """Queue a link by mail. The answer is the same whether the address is known or not."""
    if refusal := _refused(request):
        return refusal
    services.request_link(request.POST.get("email", "")[:320], language=get_language() or "")
    notice = _("If we know this address, a link is on its way to it. It works once.")
    return _entrance(request, notice=notice, is_sent=True)


@require_POST
@in_their_language
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    end_session(request.COOKIES.get(COOKIE, ""))
    return forget(_entrance(request, notice=_("You are logged out.")))


def forget(response: HttpResponse) -> HttpResponse:
    """Have the browser forget its session."""
    response.delete_cookie(COOKIE, path=PATH, samesite="Strict")
    return response


def own_page_context(link: MailedLink, current: str) -> dict[str, Any]:
    """Return what the menu of a session needs."""
    return {"session_ends_at": link.session_expires_at, "current": current}


def _entrance(
    request: HttpRequest, *, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    context["title"] = _("Your data")
    return page(request, "consent/pages/entrance.html", status=status, **context)


def _refused(request: HttpRequest) -> HttpResponse | None:
    if not (wait := seconds_to_wait(Throttle.LINK, sender_of(request))):
        return None
    fault = _("Please wait a while, then try again.")
    response = _entrance(request, fault=fault, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(wait)
    return response
