"""What all pages for customers share: the language, and the frame around the content."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import translation

Response = TypeVar("Response", bound=HttpResponseBase)


def in_their_language(view: Callable[..., Response]) -> Callable[..., Response]:
    """Answer in the language of the link, of an earlier choice, or of the browser.

    A language chosen by `?lang=` is remembered.
    """

    @wraps(view)
    def translated(request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        chosen = _known_language(request.GET.get("lang", ""))
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language):
            response = view(request, *args, **kwargs)
        if chosen:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                language,
                path="/privacy/",
                secure=request.is_secure(),
                httponly=True,
                samesite="Lax",
            )
        return response

    return translated


def _known_language(tag: str) -> str:
    """Return the language that a tag such as `en` or `fr-CA` means here, empty for none."""
    try:
        return translation.get_supported_language_variant(tag) if tag else ""
    except LookupError:
        return ""


def page(
    request: HttpRequest, template: str, *, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """Render a page for customers."""
    context["languages"] = settings.LANGUAGES
    context["company"] = settings.COMPANY_NAME
    context["has_logo"] = bool(settings.COMPANY_LOGO)
    context["has_colour"] = bool(settings.COMPANY_COLOUR)
    return render(request, template, context, status=status)
