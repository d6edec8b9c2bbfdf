"""The OpenAPI schema: each operation with its scope, its tag, its errors and an example.

The tracking API has plain views, so that `ingestion` describes its operations itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from config.http.examples import add_example
from config.http.problems import PROBLEM_TYPE
from config.http.tags import TAGS
from ingestion.openapi import COMPONENTS, tracking_operations
from profiles.api.kit.access import declared_scope


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
    # The metaclass takes fields out of the class, so that this one hides no property.
    errors = FaultSerializer(many=True)  # type: ignore[assignment]


def add_tracking(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the operations of the tracking API to the schema (a hook of drf-spectacular)."""
    for kind, components in COMPONENTS.items():
        result["components"].setdefault(kind, {}).update(components)
    for path, method, operation in tracking_operations():
        add_example(operation)
        result["paths"].setdefault(path, {})[method] = operation
    return result


class ScopedSchema(AutoSchema):
    """The schema of an operation, with the scope that it requires and the errors it may give."""

    def get_tags(self) -> list[str]:
        """Return the noun that the address names first, such as `segments`."""
        return [next(tag for tag in TAGS if f"/{tag}/" in self.path)]

    # drf-spectacular itself overrides the method of REST framework without its parameters.
    def get_description(self) -> str:  # type: ignore[override]
        scope = declared_scope(self.view, self.method)
        description = super().get_description() or ""
        return f"{description}\n\nScope: `{scope}`".strip() if scope else description

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args)
        if operation is not None:
            schema = self.resolve_serializer(ProblemSerializer, "response").ref
            for status in self._error_statuses(operation):
                body = {
                    "description": HTTPStatus(status).phrase,
                    "content": {PROBLEM_TYPE: {"schema": schema}},
                }
                # A view may describe the response itself.
                operation["responses"].setdefault(str(status), body)
            add_example(operation)
        return operation

    def _error_statuses(self, operation: dict[str, Any]) -> Iterator[int]:
        # Of every operation, since each refuses a parameter that it does not know.
        yield HTTPStatus.BAD_REQUEST
        if self.view.authentication_classes:
            yield HTTPStatus.UNAUTHORIZED
        if declared_scope(self.view, self.method):
            yield HTTPStatus.FORBIDDEN
        if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
            yield HTTPStatus.NOT_FOUND
        if "requestBody" in operation:
            yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        if self.view.throttle_classes:
            yield HTTPStatus.TOO_MANY_REQUESTS
        refusals: Mapping[str, Iterable[int]] = getattr(self.view, "refusals", {})
        yield from refusals.get(getattr(self.view, "action", ""), ())
