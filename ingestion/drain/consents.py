"""Consents in messages, on their way into the ledger."""

from collections.abc import Iterable, Iterator

from django.conf import settings

from consent.models import DecidedBy, Method, State
from consent.services import ConsentInput, record_many
from ingestion.drain.chunk import PendingMessage
from ingestion.drain.configuration import Configuration
from profiles.lib import exact_json
from profiles.models import TrustLevel
from profiles.services import Attribution


def record_consents(messages: Iterable[PendingMessage], configuration: Configuration) -> None:
    """Record what messages say of purposes that exist. Other categories mean nothing here."""
    inputs = [
        consent
        for pending in messages
        if pending.message.consents or pending.row.is_opted_out
        if pending.attribution is not None
        for consent in _consents(pending, pending.attribution, configuration)
    ]
    if inputs:
        record_many(inputs)


def _consents(
    pending: PendingMessage, attribution: Attribution, configuration: Configuration
) -> Iterator[ConsentInput]:
    preferences = dict(pending.message.consents)
    if pending.row.is_opted_out:
        # The browser's signal refuses, whatever the page's own form said.
        preferences |= dict.fromkeys(settings.GPC_CATEGORIES, False)
    for category, is_given in preferences.items():
        # A category without a row of its own is the purpose of the same key.
        purpose = configuration.categories.get((pending.row.source_id, category), category)
        if purpose in configuration.purposes:
            yield _consent(pending, attribution, purpose, category, is_given)


def _consent(
    pending: PendingMessage,
    attribution: Attribution,
    purpose: str,
    category: str,
    is_given: bool,
) -> ConsentInput:
    row, message = pending.row, pending.message
    is_signal = row.is_opted_out and category in settings.GPC_CATEGORIES
    return ConsentInput(
        identifier_id=attribution.identifier_id,
        profile_id=attribution.profile_id,
        purpose=purpose,
        state=State.GIVEN if is_given else State.REFUSED if is_signal else State.WITHDRAWN,
        occurred_at=message.timestamp,
        received_at=row.received_at,
        actor=DecidedBy.SUBJECT,
        method=Method.GPC if is_signal else Method.CHECKBOX,
        trust=TrustLevel(row.trust),
        source_id=row.source_id,
        evidence={"category": category, "context": exact_json.loads(message.context)},
        idempotency_key=f"{message.digest}:{category}",
    )
