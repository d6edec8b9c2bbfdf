"""The language of the admin: what staff chose, else what their browser asks for.

Everything else answers in English, but for the customers' pages, which choose for themselves.
"""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

ADMIN = "/admin/"


class StaffLanguage(LocaleMiddleware):
    """Activates the language of a request below the admin, and ends it with the response."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path.startswith(ADMIN):
            super().process_request(request)
        else:
            # A thread keeps the language that the request before it had.
            translation.deactivate()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith(ADMIN):
            # The stubs know whole responses only; streamed ones have the same headers.
            response = super().process_response(request, cast("HttpResponse", response))
        translation.deactivate()
        return response
