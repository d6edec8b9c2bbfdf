"""Consents in messages, on their way into the ledger."""

from django.conf import settings

from consent.models import Actor, Method, State
from consent.services import ConsentInput, record_many
from ingestion.drain.chunk import Configuration
from ingestion.drain.events import Landed
from ingestion.inbox.lease import LeasedRow
from ingestion.messages import Message
from profiles.lib import exact_json
from profiles.models import TrustLevel
from profiles.services import (
    Attribution,
)


def record_consents(landed: Landed, configuration: Configuration) -> None:
    inputs: list[ConsentInput] = []
    for row, message, landing in landed:
        if not message.consents and not row.is_opted_out:
            continue
        preferences = dict(message.consents)
        if row.is_opted_out:
            preferences |= dict.fromkeys(settings.GPC_CATEGORIES, False)
        for category, is_given in preferences.items():
            purpose = configuration.categories.get((row.source_id, category), category)
            if purpose in configuration.purposes:
                inputs.append(_consent_input(row, message, landing, purpose, category, is_given))
    if inputs:
        record_many(inputs)


def _consent_input(
    row: LeasedRow,
    message: Message,
    landing: Attribution,
    purpose: str,
    category: str,
    is_given: bool,
) -> ConsentInput:
    is_signal = row.is_opted_out and category in settings.GPC_CATEGORIES
    return ConsentInput(
        identifier_id=landing.identifier_id,
        profile_id=landing.profile_id,
        purpose=purpose,
        state=State.GIVEN if is_given else State.REFUSED if is_signal else State.WITHDRAWN,
        occurred_at=message.timestamp,
        received_at=row.received_at,
        actor=Actor.SUBJECT,
        method=Method.GPC if is_signal else Method.CHECKBOX,
        trust=TrustLevel(row.trust),
        source_id=row.source_id,
        evidence={"category": category, "context": exact_json.loads(message.context)},
        idempotency_key=f"{message.digest}:{category}",
    )
