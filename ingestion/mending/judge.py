"""Whether messages would be taken now, found by the parser and the rules of the drain."""

from collections.abc import Iterator

from django.conf import settings

from ingestion.drain.configuration import load_configuration
from ingestion.drain.identifier_filter import NO_IDENTIFIER, IdentifierFilter
from ingestion.forbidden_names import load_forbidden
from ingestion.inbox.body import batch_of
from ingestion.messages import (
    BadRequest,
    Envelope,
    Message,
    Rejection,
    RequestFacts,
    read_messages,
    split_request,
)
from ingestion.plans.content import Plan
from ingestion.plans.judge import rejection_by
from profiles.lib.database import database_now


class Judge:
    """Judges messages by the rules in force when it is made."""

    def __init__(self) -> None:
        configuration = load_configuration()
        self._identifiers = IdentifierFilter(configuration)
        self._plans = configuration.plans
        self._forbidden = load_forbidden()
        # The row only matters for what is stored.
        self._facts = RequestFacts(
            0,
            0,
            database_now(),
            settings.DEFAULT_PHONE_REGION,
        )

    def permitted(self, raw: bytes, *, source_id: int) -> bytes:
        """Return a message without what its source must not send."""
        return self._forbidden.of(source_id).kept(raw)

    def fault(self, raw: bytes, *, source_id: int) -> Rejection | None:
        """Return why the message of a source would be rejected, or None."""
        try:
            envelope = split_request(batch_of([raw]).content, "")
        except BadRequest:
            return _fault("not_json", "valid JSON")
        if len(envelope.messages) != 1:
            return _fault("not_json", "one JSON object")
        return next(iter(self.rejections(envelope, source_id=source_id)), None)

    def rejections(self, envelope: Envelope, *, source_id: int) -> list[Rejection]:
        """Return the messages of a request that the drain would reject."""
        plan = self._plans.get(source_id)
        results = self.read(envelope, source_id=source_id)
        judged = (self._judged(each, plan) for each in results)
        return [result for result in judged if result is not None]

    def read(self, envelope: Envelope, *, source_id: int = 0) -> Iterator[Message | Rejection]:
        """Parse the messages of a request, of a source or of none."""
        facts = self._facts._replace(forbidden=self._forbidden.of(source_id))
        return read_messages(envelope, facts, b"")

    def _judged(self, result: Message | Rejection, plan: Plan | None) -> Rejection | None:
        if isinstance(result, Rejection):
            return result
        if self._identifiers.usable(result).refs:
            return rejection_by(plan, result)
        code, detail = NO_IDENTIFIER
        return Rejection(result.place, result.message_id, result.type, code, "", detail, result.raw)


def _fault(code: str, detail: str) -> Rejection:
    return Rejection(0, "", "", code, "", detail, b"")
