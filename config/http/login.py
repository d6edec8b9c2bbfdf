"""The log-in of the admin, which refuses to go on after too many attempts."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from profiles.api.kit.throttles import sender_of
from profiles.lib.throttles import Throttle, seconds_to_wait


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Show the form, or log in. Answers 429 beyond the limits, to a right password too."""
    if request.method == "POST" and (wait := _seconds_to_wait(request)):
        text = "Too many attempts to log in. Try again later."
        headers = {"Retry-After": str(wait)}
        return HttpResponse(text, status=429, content_type="text/plain", headers=headers)
    return admin.site.login(request)


def _seconds_to_wait(request: HttpRequest) -> int:
    sender = sender_of(request)
    # One spelling of an account. Locking it for everybody would let anybody lock staff out.
    account = request.POST.get("username", "").strip().casefold()
    return max(
        seconds_to_wait(Throttle.LOGIN_SENDER, sender),
        seconds_to_wait(Throttle.LOGIN, account, sender),
    )
