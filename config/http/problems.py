"""What all of the API shares: problem details, pages, and what the schema says of every operation."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from config.http.paging import CursorPages
from profiles.api.kit.access import Problem, declared_scope

__all__ = ["CursorPages", "ScopedSchema", "problem_answer", "problem_response"]

PROBLEM_TYPE = "application/problem+json"
# What machines call: their errors are problem details, whatever fails.
MACHINE_PATHS = ("/api/", "/v1/")


class FaultSerializer(serializers.Serializer[dict[str, str]]):
    """One fault: where in the request, a stable code, and what would be right."""

    path = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[dict[str, Any]]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    errors = FaultSerializer(many=True)


class ScopedSchema(AutoSchema):
    """Says which scope an operation asks for, and in which shape it refuses."""

    def get_description(self) -> str:
        scope = declared_scope(self.view, self.method)
        described: str = super().get_description() or ""
        return f"{described}\n\nScope: `{scope}`".strip() if scope else described

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args)
        if operation is not None:
            schema = self.resolve_serializer(ProblemSerializer, "response").ref
            for status in self._refusals(operation):
                body = {
                    "description": HTTPStatus(status).phrase,
                    "content": {PROBLEM_TYPE: {"schema": schema}},
                }
                operation["responses"].setdefault(str(status), body)
        return operation

    def _refusals(self, operation: dict[str, Any]) -> Iterator[int]:
        places = {parameter["in"] for parameter in operation.get("parameters", ())}
        if "requestBody" in operation or "query" in places:
            yield HTTPStatus.BAD_REQUEST
        if declared_scope(self.view, self.method):
            yield HTTPStatus.UNAUTHORIZED
            yield HTTPStatus.FORBIDDEN
        if "path" in places:
            yield HTTPStatus.NOT_FOUND


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """RFC 9457: every refusal has one shape and names the path of the fault."""
    if isinstance(error, ModelValidationError):
        error = ValidationError(serializers.as_serializer_error(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem_body(error, response.status_code)
    response.content_type = PROBLEM_TYPE
    return response


def problem_body(error: Exception, status: int) -> dict[str, Any]:
    errors = (
        error.errors
        if isinstance(error, Problem)
        else list(_faults(error.detail))
        if isinstance(error, ValidationError)
        else []
    )
    detail = str(error.detail) if isinstance(error, APIException) and not errors else ""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or "; ".join(_told(fault) for fault in errors),
        "errors": errors,
    }


def _told(fault: dict[str, str]) -> str:
    return f"{fault['path']}: {fault['detail']}" if fault["path"] else fault["detail"]


def _faults(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten REST framework's nested errors: keys are joined by dots, places in lists bracketed."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _faults(inner, _below(path, key))
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            is_leaf = isinstance(inner, ErrorDetail)
            yield from _faults(inner, path if is_leaf else f"{path}[{place}]")
    else:
        code = getattr(detail, "code", "invalid")
        yield {"path": _sendable(path), "code": str(code), "detail": _sendable(str(detail))}


def _sendable(text: str) -> str:
    """What a caller sent may come back in a fault, and lone surrogates cannot be sent."""
    return text.encode(errors="replace").decode()


def _below(path: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    step = "" if key in ("non_field_errors", "__all__") else str(key)
    return f"{path}.{step}".strip(".")


def problem_answer(request: HttpRequest, status: int, detail: str = "") -> JsonResponse:
    """The same shape for what fails outside of REST framework."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [],
    }
    return JsonResponse(body, status=status, content_type=PROBLEM_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400. What is wrong is not repeated: it may be an attempt to have it shown."""
    return (
        problem_answer(request, 400)
        if _is_machine(request)
        else defaults.bad_request(request, exception)
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if _is_machine(request):
        return problem_answer(request, 403)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if _is_machine(request):
        return problem_answer(request, 404, "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """handler500: that it failed, and nothing of why."""
    return problem_answer(request, 500) if _is_machine(request) else defaults.server_error(request)


def _is_machine(request: HttpRequest) -> bool:
    return request.path.startswith(MACHINE_PATHS)
