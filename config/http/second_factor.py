"""The second step of logging in, before which no page of the admin is shown.

Invariant: whoever has a second factor, or must have one, sees nothing of the admin by a password
alone.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from profiles.services import has_second_factor

ADMIN = "/admin/"
# What the step itself needs, and the way out.
OPEN_PATHS = tuple(
    f"{ADMIN}{path}" for path in ("login/", "logout/", "language/", "jsi18n/", "second-factor/")
)


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: send staff who have not given their code to the page that asks for it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith(ADMIN) and not path.startswith(OPEN_PATHS) and _is_due(request):
            return _to_the_step(request)
        return get_response(request)

    return middleware


def _is_due(request: HttpRequest) -> bool:
    user = request.user
    # OTPMiddleware gives the user `is_verified`.
    if not user.is_authenticated or user.is_verified():  # type: ignore[attr-defined]
        return False
    return settings.REQUIRE_SECOND_FACTOR or has_second_factor(user)


def _to_the_step(request: HttpRequest) -> HttpResponse:
    # What was being sent is not sent again by itself, so that the way back is to a page.
    back = request.get_full_path() if request.method == "GET" else ADMIN
    return redirect(f"{reverse('second-factor')}?{urlencode({'next': back})}")
