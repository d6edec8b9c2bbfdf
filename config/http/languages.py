"""The language of the admin: what staff chose, here or elsewhere, else what their browser asks for.

Everything else answers in English, but for the customers' pages, which choose for themselves.
"""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.views.i18n import set_language

from profiles.services import choose_language, language_of_staff

ADMIN = "/admin/"
# In the session, so that no page reads it from the account.
KEPT = "language"


class StaffLanguage(LocaleMiddleware):
    """Activates the language of a request below the admin, and ends it with the response."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path.startswith(ADMIN):
            # A thread keeps the language that the request before it had.
            translation.deactivate()
            return
        super().process_request(request)
        if kept := request.session.get(KEPT):
            translation.activate(kept)
            request.LANGUAGE_CODE = translation.get_language()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith(ADMIN):
            # The stubs know whole responses only; streamed ones have the same headers.
            response = super().process_response(request, cast("HttpResponse", response))
        translation.deactivate()
        return response


def set_staff_language(request: HttpRequest) -> HttpResponseBase:
    """Choose a language: for this browser, and for the account of whoever is signed in."""
    response = set_language(request)
    language = request.POST.get("language", "")
    is_known = language in dict(settings.LANGUAGES)
    if request.method == "POST" and is_known and isinstance(request.user, User):
        choose_language(request.user, language)
        request.session[KEPT] = language
    return response


@receiver(user_logged_in)
def bring_language(request: HttpRequest, user: Any, **_: object) -> None:
    """Let whoever signs in read in the language that they chose before."""
    if isinstance(user, User) and (language := language_of_staff(user)):
        request.session[KEPT] = language
