"""Mail that came back or was complained of, as tools tell it: at once, ahead of the drain.

Invariant: repeats change nothing. What a mapping calls *Email Bounced* says by `kind` whether for
good, and names an address; a message without either says nothing here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from consent.services import note_bounce, refuse_mail
from ingestion.models import ConsentCategory
from ingestion.presets.mapping import HookMessage

BOUNCED = "Email Bounced"


def note_bounces(messages: Iterable[HookMessage]) -> None:
    """Note the addresses that messages say mail came back from."""
    for message in messages:
        content = message.content
        address = content["context"].get("traits", {}).get("email")
        kind = content.get("properties", {}).get("kind")
        is_bounce = content.get("event") == BOUNCED and kind in ("hard", "soft")
        if is_bounce and isinstance(address, str):
            note_bounce(address, is_hard=kind == "hard", at=_time_of(content["timestamp"]))


def refuse_complained(source_id: int, messages: Iterable[HookMessage]) -> None:
    """Refuse the purposes of mails that people complained of, also those that need no consent.

    Beside the message, which a purpose without consent as its basis would not hear of.
    """
    for message in messages:
        address = message.content.get("traits", {}).get("email")
        if message.is_complaint and isinstance(address, str):
            consent = message.content["context"].get("consent", {})
            for category in consent.get("categoryPreferences", {}):
                refuse_mail(address, _purpose_of(source_id, category), place="complaint")


def _purpose_of(source_id: int, category: str) -> str:
    # A category without a row of its own is the purpose of the same key.
    rows = ConsentCategory.objects.filter(source_id=source_id, category=category)
    return rows.values_list("purpose__key", flat=True).first() or category


def _time_of(timestamp: Any) -> datetime:
    """Return the time of a fact; now where the tool does not say it."""
    try:
        moment = datetime.fromisoformat(str(timestamp))
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
