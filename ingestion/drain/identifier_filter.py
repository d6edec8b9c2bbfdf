"""Which identifiers of a message may be used, and what is cut out for erased people."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from django.conf import settings

from consent.services import FOREVER, KeptOut, is_distinctive, mentions
from ingestion.drain.configuration import Configuration
from ingestion.drain.redaction import Redaction
from ingestion.messages import Message
from profiles.identifiers.normalisers import is_blocked
from profiles.identifiers.references import Ref, reference_of
from profiles.lib import exact_json


class Dropped(StrEnum):
    """Why a message is dropped whole, of which nothing else may be kept."""

    SUPPRESSED = "suppressed"  # its highest identifier is an erased person's
    BEFORE_RETURN = "before_return"  # that person came back, after the time of the message


class IdentifierFilter:
    """Filters the identifiers of a chunk, by rules read after the people lock."""

    def __init__(self, configuration: Configuration, kept_out: Mapping[str, KeptOut]) -> None:
        self._rank = configuration.rules.rank
        self._blocked: Mapping[str, frozenset[str]] = configuration.blocked
        self._kept_out = kept_out
        self._suppressed = frozenset(ref for ref, row in kept_out.items() if row.until == FOREVER)
        self._returned = {ref: row.until for ref, row in kept_out.items() if row.until != FOREVER}
        self._allowed: dict[Ref, bool] = {}

    def filtered(self, message: Message) -> Message | Dropped:
        """Return the message with its usable identifiers, highest first, or why it is dropped.

        It is where its highest identifier is suppressed. No identifiers are left where all of them
        stand for nobody. What stands for a suppressed one is cut out of the message.
        """
        if len(message.refs) == 1 and not self._kept_out and self._is_allowed(message.refs[0]):
            # By far the most common message: nothing to sort and nothing to cut.
            return message
        refs = sorted((ref for ref in message.refs if self._is_allowed(ref)), key=self._rank)
        suppressed = self._suppressed_at(message.timestamp)
        if not suppressed:
            return message._replace(refs=tuple(refs))
        if refs and (highest := reference_of(refs[0])) in suppressed:
            return Dropped.BEFORE_RETURN if highest in self._returned else Dropped.SUPPRESSED
        usable = tuple(ref for ref in refs if reference_of(ref) not in suppressed)
        kept = message._replace(refs=usable)
        if suppressed.isdisjoint(references_of(message)):
            return kept
        return Redaction(suppressed).of(kept)

    def _suppressed_at(self, at: datetime) -> Set[str]:
        """Return what is kept out of a message of this time."""
        if not self._returned:
            return self._suppressed
        return self._suppressed | {ref for ref, until in self._returned.items() if at < until}

    def _is_allowed(self, ref: Ref) -> bool:
        allowed = self._allowed.get(ref)
        if allowed is None:
            extra = self._blocked.get(ref.namespace, frozenset())
            allowed = self._allowed[ref] = not is_blocked(ref.namespace, ref.value, extra)
        return allowed


def references_of(message: Message) -> Iterator[str]:
    """Yield all that a message may say about erased people: whom it names, and what it mentions."""
    for ref in message.refs:
        yield reference_of(ref)
    for text in (message.properties, message.context):
        yield from _mentioned(text)
    if message.traits:
        yield from mentions(message.traits, region=settings.DEFAULT_PHONE_REGION)
    if is_distinctive(message.name):
        yield from mentions(message.name, region=settings.DEFAULT_PHONE_REGION)


@lru_cache(maxsize=4096)
def _mentioned(text: str) -> frozenset[str]:
    """Return what a JSON text mentions. Cached, since a client's contexts are mostly the same."""
    if not is_distinctive(text):
        return frozenset()
    return frozenset(mentions(exact_json.loads(text), region=settings.DEFAULT_PHONE_REGION))
