"""Amazon SES by SNS: bounces and complaints (docs.aws.amazon.com/ses, notification contents)."""

import logging
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from ingestion.presets.delivery import BadSignature, Delivery, check_age, text_at
from ingestion.presets.presets import Answer, Preset
from ingestion.presets.public_keys import check_by_key, has_key, text_before_keys
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

# SNS signs the time of the first try, and goes on for about six hours.
RETRIES = timedelta(hours=7)
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
logger = logging.getLogger(__name__)


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the RSA signature of the message's parts, its topic, and its age.

    Version 1 signs by SHA-1, which is SNS's own choice. The certificate is a part of the secret:
    what the message names is not fetched.
    """
    content = _content(delivery)
    names = _NOTIFICATION if text_at(content, "Type") == "Notification" else _CONFIRMATION
    parts = [(name, text_at(content, name)) for name in names if name in content]
    signed = "".join(f"{name}\n{text}\n" for name, text in parts)
    is_new = text_at(content, "SignatureVersion") == "2"
    algorithm = SHA256() if is_new else SHA1()  # noqa: S303
    check_by_key(secret, signed.encode(), text_at(content, "Signature"), algorithm)
    if text_at(content, "TopicArn") != text_before_keys(secret):
        raise BadSignature
    check_age(text_at(content, "Timestamp").replace("Z", "+00:00"), now, RETRIES)


def _content(delivery: Delivery) -> dict[str, Any]:
    try:
        content = exact_json.read(delivery.body)
    except UnreadableJSON:
        raise BadSignature from None
    if not isinstance(content, dict):
        raise BadSignature
    return content


def _read(delivery: Delivery) -> Any:
    """Return what SES says, which SNS carries as a text."""
    content = _content(delivery)
    try:
        message = exact_json.read(text_at(content, "Message").encode())
    except UnreadableJSON:
        message = {}
    notification = message if isinstance(message, dict) else {}
    # Its kind has two names, as SES was set up.
    kind = text_at(notification, "notificationType") or text_at(notification, "eventType")
    return {"kind": kind or text_at(content, "Type"), "message": notification}


def _answer(delivery: Delivery, secret: str, now: datetime) -> Answer | None:
    """Tell whoever runs the store where SNS wants the address confirmed; it is not called."""
    content = _content(delivery)
    if text_at(content, "Type") == "SubscriptionConfirmation":
        logger.warning("SNS wants this confirmed: %s", text_at(content, "SubscribeURL"))
    return None


def _secret_fault(secret: str) -> str:
    is_whole = text_before_keys(secret).startswith("arn:") and has_key(secret)
    return "" if is_whole else "The ARN of the topic, and behind it SNS's certificate."


PRESET = Preset(
    key="ses",
    title="Amazon SES",
    check=_check,
    secret_fault=_secret_fault,
    read=_read,
    answer=_answer,
    kind_of=lambda delivery: text_at(delivery.content, "kind"),
    content_of=lambda content: content.get("message") if isinstance(content, dict) else None,
    # Who opened a mail is asked for a purpose of its own.
    ignored=frozenset(
        {"SubscriptionConfirmation", "UnsubscribeConfirmation", "Delivery", "Send", "Open", "Click"}
    ),
)
