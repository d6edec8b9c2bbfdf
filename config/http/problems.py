"""Errors as RFC 9457 problem details.

Invariant: under /api/ and /v1/ every error has this one shape, whatever fails.
"""

import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config.http.availability import RETRY_SECONDS, is_database_away
from profiles.api.kit.problems import Problem

PROBLEM_TYPE = "application/problem+json"
# Programs call these. All other paths are pages for people, whose errors are pages too.
API_PATHS = ("/api/", "/v1/", "/opendsr/")


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to an exception of a REST framework view (EXCEPTION_HANDLER).

    None leaves an unexpected exception to Django, which calls `server_error`.
    """
    # A service raises Django's own validation error, which REST framework would not answer.
    if isinstance(error, ModelValidationError):
        error = ValidationError(serializers.as_serializer_error(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = _problem_body(error, response.status_code)
    response.content_type = PROBLEM_TYPE
    return response


def _problem_body(error: Exception, status: int) -> dict[str, Any]:
    faults = _faults_of(error)
    detail = str(error.detail) if isinstance(error, APIException) and not faults else ""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or "; ".join(_describe(fault) for fault in faults),
        "errors": faults,
    }


def _faults_of(error: Exception) -> list[dict[str, str]]:
    match error:
        case Problem():
            faults = error.errors
        case ValidationError():
            faults = list(_flatten(error.detail))
        case _:
            faults = []
    return [{name: _encodable(text) for name, text in fault.items()} for fault in faults]


def _describe(fault: dict[str, str]) -> str:
    return f"{fault['path']}: {fault['detail']}" if fault["path"] else fault["detail"]


def _flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield REST framework's nested errors as faults, with paths such as `traits.list[2].name`."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _flatten(inner, _join_path(path, key))
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            # A list of messages is about one field, a list of anything else about a list's items.
            is_message = isinstance(inner, ErrorDetail)
            yield from _flatten(inner, path if is_message else f"{path}[{place}]")
    else:
        code = getattr(detail, "code", "invalid")
        yield {"path": path, "code": str(code), "detail": str(detail)}


def _encodable(text: str) -> str:
    """Replace lone surrogates, which a request may contain and a response cannot encode."""
    return text.encode(errors="replace").decode()


def _join_path(path: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    # Errors of the whole object stand under a name that is no field.
    step = "" if key in ("non_field_errors", "__all__") else str(key)
    return f"{path}.{step}" if path and step else path or step


def json_problem(status: int, detail: str = "") -> JsonResponse:
    """Return problem details for an error outside of REST framework."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [],
    }
    return JsonResponse(body, status=status, content_type=PROBLEM_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 (`handler400`)."""
    if _is_api_call(request):
        # The exception quotes the request, which an attacker may have written.
        return json_problem(400)
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 (`handler403`)."""
    if _is_api_call(request):
        return json_problem(403)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 (`handler404`)."""
    if _is_api_call(request):
        return json_problem(404, "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def no_nul_in_addresses(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: nothing is named by NUL, which PostgreSQL would refuse with an error."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info:
            raise Http404
        return get_response(request)

    return middleware


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 (`handler500`), without the reason, which may hold personal data.

    While the database is away the answer is 503, so that callers try again.
    """
    # Django calls this while it handles the exception, whatever layer raised it.
    if is_database_away(sys.exception()):
        return _unavailable(request)
    return json_problem(500) if _is_api_call(request) else defaults.server_error(request)


def _unavailable(request: HttpRequest) -> HttpResponse:
    detail = "The database does not answer. Try again in a moment."
    response = (
        json_problem(503, detail)
        if _is_api_call(request)
        else HttpResponse(detail, status=503, content_type="text/plain")
    )
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _is_api_call(request: HttpRequest) -> bool:
    return request.path.startswith(API_PATHS)
