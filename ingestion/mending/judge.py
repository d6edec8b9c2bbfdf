"""Whether messages would be taken now, found by the parser and the rules of the drain."""

from django.conf import settings

from ingestion.drain.configuration import load_configuration
from ingestion.drain.identifier_filter import NO_IDENTIFIER, IdentifierFilter
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
from profiles.lib.database import database_now


class Judge:
    """Judges messages by the rules in force when it is made."""

    def __init__(self) -> None:
        self._identifiers = IdentifierFilter(load_configuration())
        # The row and source only matter for what is stored.
        self._facts = RequestFacts(0, 0, database_now(), settings.DEFAULT_PHONE_REGION)

    def fault(self, raw: bytes) -> Rejection | None:
        """Return why the message would be rejected, or None."""
        try:
            envelope = split_request(batch_of([raw]).content, "")
        except BadRequest:
            return _fault("not_json", "valid JSON")
        if len(envelope.messages) != 1:
            return _fault("not_json", "one JSON object")
        return next(iter(self.rejections(envelope)), None)

    def rejections(self, envelope: Envelope) -> list[Rejection]:
        """Return the messages of a request that the drain would reject."""
        judged = map(self._judged, read_messages(envelope, self._facts, b""))
        return [result for result in judged if isinstance(result, Rejection)]

    def _judged(self, result: Message | Rejection) -> Message | Rejection:
        if isinstance(result, Rejection) or self._identifiers.usable(result).refs:
            return result
        code, detail = NO_IDENTIFIER
        return Rejection(result.place, result.message_id, result.type, code, "", detail, result.raw)


def _fault(code: str, detail: str) -> Rejection:
    return Rejection(0, "", "", code, "", detail, b"")
