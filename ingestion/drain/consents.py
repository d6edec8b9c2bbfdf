"""Consents in messages, on their way into the ledger."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings

from consent.models import DecidedBy, Method, State
from consent.services import ConsentInput, find_refused, record_many
from ingestion.drain.chunk import PendingMessage
from ingestion.drain.configuration import Configuration
from ingestion.enrichment.base import INFERRED
from ingestion.messages import CONSENT_EVENT
from profiles.lib import exact_json
from profiles.models import TrustLevel
from profiles.services import Attribution


def record_consents(
    messages: Iterable[PendingMessage], configuration: Configuration, changed: Collection[int]
) -> None:
    """Record what messages say of purposes that exist. Other categories mean nothing here.

    `changed` are the profiles that facts changed: one that vouches for a profile, or names it by
    more, changes which grants count.
    """
    speaking = [
        pending
        for pending in messages
        if pending.attribution and (pending.message.consents or pending.row.is_opted_out)
    ]
    refused = _already_refused(speaking)
    inputs = [
        consent
        for pending in speaking
        if pending.attribution is not None
        for consent in _consents(pending, pending.attribution, configuration, refused)
    ]
    record_many(inputs, also=changed)


def _already_refused(messages: Iterable[PendingMessage]) -> set[tuple[int, str]]:
    """Return the profiles and purposes on which a signal would have nothing new to say."""
    signalling = {
        pending.attribution.profile_id
        for pending in messages
        if pending.row.is_opted_out and pending.attribution
    }
    return find_refused(signalling) if signalling else set()


def _consents(
    pending: PendingMessage,
    attribution: Attribution,
    configuration: Configuration,
    refused: Collection[tuple[int, str]],
) -> Iterator[ConsentInput]:
    preferences, source_id = pending.message.consents, pending.row.source_id
    signals = settings.GPC_CATEGORIES if pending.row.is_opted_out else ()
    for category in dict.fromkeys((*preferences, *signals)):
        # A category without a row of its own is the purpose of the same key.
        purpose = configuration.categories.get((source_id, category), category)
        if purpose not in configuration.purposes:
            continue
        statement = _Statement(pending, attribution, purpose, category)
        is_chosen = _is_deliberate(pending) and preferences.get(category, False)
        if category in signals:
            # Ahead of a deliberate grant always: it says that the signal was on when it was given.
            if is_chosen or (attribution.profile_id, purpose) not in refused:
                yield statement.signal()
            # What a page repeats in each context does not stand against the browser's signal.
            if not is_chosen and preferences.get(category, False):
                continue
        if category in preferences:
            yield statement.choice(preferences[category])


def _is_deliberate(pending: PendingMessage) -> bool:
    """Whether the message is the act of choosing, and does not repeat an earlier choice."""
    return pending.message.kind == "track" and pending.message.name == CONSENT_EVENT


class _Statement(NamedTuple):
    """What one message says of one purpose."""

    pending: PendingMessage
    attribution: Attribution
    purpose: str
    category: str

    def choice(self, is_given: bool) -> ConsentInput:
        message = self.pending.message
        context = exact_json.loads(message.context)
        # Evidence is what was sent.
        context.pop(INFERRED, None)
        if self.pending.row.file_import_id is not None:
            return self._imported(context["consent"])
        return replace(
            self._refusal(),
            state=State.GIVEN if is_given else State.WITHDRAWN,
            evidence={"category": self.category, "context": context},
            idempotency_key=f"{message.digest}:{self.category}",
        )

    def _imported(self, consent: Mapping[str, Any]) -> ConsentInput:
        """What a row of a file says: the ledger asks for its evidence where it permits."""
        message = self.pending.message
        return replace(
            self._refusal(),
            state=State(consent["states"][self.category]),
            actor=DecidedBy.IMPORT,
            method=Method.IMPORT,
            # What the file said, and not what became of it: the ledger judges times of imports.
            occurred_at=message.original_timestamp,
            evidence=consent["evidence"],
            idempotency_key=f"{message.digest}:{self.category}",
        )

    def signal(self) -> ConsentInput:
        """The refusal by Sec-GPC, which the ledger takes once for an identifier and purpose."""
        refusal = self._refusal()
        # Just before a choice of the same message.
        at = self.pending.message.timestamp - timedelta(microseconds=1)
        return replace(refusal, method=Method.GPC, occurred_at=at, evidence={"header": "Sec-GPC"})

    def _refusal(self) -> ConsentInput:
        row = self.pending.row
        return ConsentInput(
            identifier_id=self.attribution.identifier_id,
            profile_id=self.attribution.profile_id,
            purpose=self.purpose,
            state=State.REFUSED,
            occurred_at=self.pending.message.timestamp,
            received_at=row.received_at,
            actor=DecidedBy.SUBJECT,
            method=Method.CHECKBOX,
            trust=TrustLevel(self.pending.trust),
            source_id=row.source_id,
        )
