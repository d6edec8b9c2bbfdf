"""Refusals with the path of each fault, and validated bodies."""

from math import ceil
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.serializers import BaseSerializer

from profiles.api.kit.strict import refuse, unknown_fields


class Problem(APIException):
    """A refused request, with a path for each fault.

    `errors` are dictionaries with "path", "code" and "detail".
    """

    status_code = 400
    default_detail = "The request was understood and refused."

    # REST framework sends these seconds as the header Retry-After.
    wait: int

    def __init__(
        self, errors: list[dict[str, str]], *, status: int = 400, detail: str | None = None
    ) -> None:
        super().__init__(detail or self.default_detail)
        self.status_code = status
        self.errors = errors


def problem(path: str, code: str, detail: str, status: int = 400) -> Problem:
    """Return a problem with one error."""
    return Problem([{"path": path, "code": code, "detail": detail}], status=status)


def unavailable(code: str, detail: str, *, retry_seconds: float) -> Problem:
    """Return a problem of something that is away for a while (503 with Retry-After)."""
    refusal = problem("", code, detail, 503)
    refusal.wait = max(1, ceil(retry_seconds))
    return refusal


def validated(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """Return the validated fields of a body. Raises ValidationError, for unknown fields too."""
    unknown = unknown_fields(serializer, serializer.initial_data)
    refuse(unknown, "unknown_field", "Nothing here reads this field.")
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = dict(serializer.validated_data)
    return fields
