"""The operations of the tracking API, for the OpenAPI schema.

Invariant: a body that fits here is never refused as a whole. What is wrong with a message costs
that message alone, so that its fields are described and not required.
"""

from collections.abc import Iterator
from typing import Any

from ingestion.api.routes import BATCHES, SHORT_ROUTES

_TEXT = {"type": "string"}
_OBJECT = {"type": "object", "additionalProperties": True}
_SHARED = {
    "userId": _TEXT | {"description": "Who it is; this or `anonymousId` is needed."},
    "anonymousId": _TEXT,
    "messageId": _TEXT | {"description": "Under 100 characters; one that was seen is a repeat."},
    "timestamp": _TEXT,
    "sentAt": _TEXT,
    "context": _OBJECT,
    "writeKey": _TEXT,
}
_FIELDS: dict[str, dict[str, Any]] = {
    "identify": {"traits": _OBJECT},
    "track": {"event": _TEXT, "properties": _OBJECT},
    "page": {"name": _TEXT, "properties": _OBJECT},
    "screen": {"name": _TEXT, "properties": _OBJECT},
    "group": {"groupId": _TEXT, "traits": _OBJECT},
    "alias": {"previousId": _TEXT},
}
_DESCRIPTIONS = {
    "identify": "Say who somebody is, and what is known of them.",
    "track": "Say what somebody did.",
    "page": "Say which page of a website somebody saw.",
    "screen": "Say which screen of an app somebody saw.",
    "group": "Say to which account somebody belongs.",
    "alias": "Say by which id somebody was known before.",
    "batch": "Send up to 2,500 messages, each with its `type`, in up to 500 KB.",
    "import": "The same as `/v1/batch`.",
}
_STRICT = {
    "name": "strict",
    "in": "query",
    "schema": {"type": "string", "enum": ["1"]},
    "description": "Answer 207 with the fault of each message that will be rejected.",
}
_SUCCESS = {
    "type": "object",
    "properties": {"success": {"type": "boolean"}},
    "required": ["success"],
}
_REJECTED = {
    "type": "object",
    "properties": {
        "index": {"type": "integer"},
        **dict.fromkeys(("messageId", "code", "path", "detail"), _TEXT),
    },
    "required": ["index", "messageId", "code", "path", "detail"],
}
_REFUSAL = {
    "allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {
            "type": "object",
            "properties": {"success": {"type": "boolean"}, "code": _TEXT, "message": _TEXT},
            "required": ["success", "code", "message"],
        },
    ]
}
_REFUSALS = {
    "400": "No JSON, or too large",
    "401": "Unknown write key",
    "403": "The source does not let pages of this origin send",
    "404": "Unknown write key",
    "429": "Too many messages; `Retry-After` says when to go on",
}


def _answer(
    description: str, schema: dict[str, Any], media: str = "application/json"
) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _body(type_: str) -> dict[str, Any]:
    if type_ not in BATCHES:
        return {"type": "object", "properties": _FIELDS[type_] | _SHARED}
    message = {"type": "object", "properties": {"type": _TEXT} | _SHARED}
    shared = {name: _SHARED[name] for name in ("context", "sentAt", "writeKey")}
    return {
        "type": "object",
        "properties": {"batch": {"type": "array", "items": message}} | shared,
        "required": ["batch"],
    }


COMPONENTS: dict[str, dict[str, Any]] = {
    "schemas": {
        "TrackingRefusal": _REFUSAL,
        "TrackingRejection": _REJECTED,
        "TrackingSuccess": _SUCCESS,
        **{f"Tracking{type_.capitalize()}": _body(type_) for type_ in SHORT_ROUTES.values()},
    },
    "headers": {
        "X-Rejected": {
            "schema": {"type": "integer"},
            "description": "How many of the messages will be rejected; missing if none.",
        }
    },
    "responses": {
        "TrackingRejections": _answer(
            "Accepted, but for some messages",
            {
                "type": "object",
                "properties": {
                    "success": {"type": "boolean"},
                    "rejected": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/TrackingRejection"},
                    },
                },
                "required": ["success", "rejected"],
            },
        ),
        **{
            f"Tracking{status}": _answer(
                text, {"$ref": "#/components/schemas/TrackingRefusal"}, "application/problem+json"
            )
            for status, text in _REFUSALS.items()
        },
    },
    "parameters": {"strict": _STRICT},
    "securitySchemes": {
        "writeKey": {
            "type": "http",
            "scheme": "basic",
            "description": "The write key as the user name, without a password. It may also be a "
            "bearer token, or stand in the body as `writeKey`.",
        }
    },
}


def tracking_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of each route."""
    for type_, description in _DESCRIPTIONS.items():
        yield f"/v1/{type_}", "post", _post(type_, type_, description)
    for route, type_ in SHORT_ROUTES.items():
        description = f"The same as `/v1/{type_}`, as Segment's SDK for the browser calls it."
        yield f"/v1/{route}", "post", _post(route, type_, description)
    yield "/v1/m", "post", _metrics()
    yield "/v1/projects/{writeKey}/settings", "get", _settings()


def _post(route: str, type_: str, description: str) -> dict[str, Any]:
    accepted = _taken("Accepted for good")
    return {
        "operationId": f"v1_track_{route}",
        "description": description,
        "tags": ["tracking"],
        "security": [{"writeKey": []}],
        "parameters": [{"$ref": "#/components/parameters/strict"}],
        "requestBody": {"required": True, "content": _json(_message(type_))},
        "responses": {
            "200": accepted
            | {"headers": {"X-Rejected": {"$ref": "#/components/headers/X-Rejected"}}},
            "207": {"$ref": "#/components/responses/TrackingRejections"},
            **_refusals("400", "401", "403", "429"),
        },
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "v1_track_m",
        "description": "What an SDK measures about itself; nothing of it is kept.",
        "tags": ["tracking"],
        "security": [],
        "requestBody": {"content": _json(_OBJECT)},
        "responses": {"200": _taken("Taken")},
    }


def _settings() -> dict[str, Any]:
    return {
        "operationId": "v1_projects_settings",
        "description": "What Segment's SDK for the browser asks for when a page loads.",
        "tags": ["tracking"],
        "security": [],
        "parameters": [{"name": "writeKey", "in": "path", "required": True, "schema": _TEXT}],
        "responses": {"200": _answer("The settings", _OBJECT), **_refusals("403", "404")},
    }


def _message(type_: str) -> dict[str, Any]:
    name = "batch" if type_ in BATCHES else type_
    return {"$ref": f"#/components/schemas/Tracking{name.capitalize()}"}


def _taken(description: str) -> dict[str, Any]:
    return _answer(description, {"$ref": "#/components/schemas/TrackingSuccess"})


def _refusals(*statuses: str) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/Tracking{status}"} for status in statuses}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
