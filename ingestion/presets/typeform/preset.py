"""Typeform: answers, which are what people say of themselves (typeform.com/developers/webhooks)."""

from typing import Any

from ingestion.presets.delivery import Delivery, check_base64
from ingestion.presets.presets import Preset

_VALUES = ("text", "email", "number", "boolean", "date", "phone_number", "url", "file_url")


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("event_type") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


def _by_reference(content: Any) -> Any:
    """Return the delivery with its answers by the reference of their question."""
    response = content.get("form_response")
    answers = response.get("answers") if isinstance(response, dict) else None
    listed = answers if isinstance(answers, list) else []
    return {**content, "answers": dict(filter(None, map(_answer, listed)))}


def _answer(answer: Any) -> tuple[str, Any] | None:
    question = answer.get("field") if isinstance(answer, dict) else None
    name = (question.get("ref") or question.get("id")) if isinstance(question, dict) else None
    value = _value(answer) if name else None
    return None if value is None else (str(name).replace(".", "_"), value)


def _value(answer: dict[str, Any]) -> Any:
    match answer:
        case {"choice": {"label": str(label)}} | {"choice": {"other": str(label)}}:
            return label
        case {"choices": {"labels": list(labels)}}:
            return labels
    return next((answer[name] for name in _VALUES if name in answer), None)


PRESET = Preset(
    key="typeform",
    title="Typeform",
    party="zero",
    check=lambda delivery, secret, now: check_base64(
        delivery, "Typeform-Signature", secret, prefix="sha256="
    ),
    kind_of=_kind,
    content_of=lambda content: _by_reference(content) if isinstance(content, dict) else content,
)
