"""Which identifiers of a message may be used, and what is cut out for erased people."""

from collections.abc import Collection, Iterator, Mapping, Set
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings

from consent.services import FOREVER, KeptOut, distinctive_among, is_distinctive, mentions
from ingestion.drain.configuration import Configuration
from ingestion.drain.redaction import Redaction
from ingestion.messages import Message
from profiles.identifiers.lookup import load_normalisers, spelled
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked
from profiles.identifiers.references import Ref, reference_of
from profiles.lib import exact_json
from profiles.lib.memory import remembered
from profiles.lib.spellings import OWN_NORMALISERS

# The code and detail of the rejection of a message whose identifiers are all left out.
NO_IDENTIFIER = ("no_identifier", "every identifier is a value that stands for nobody")


class Dropped(StrEnum):
    """Why a message is dropped whole, of which nothing else may be kept."""

    SUPPRESSED = "suppressed"  # its highest identifier is an erased person's
    BEFORE_RETURN = "before_return"  # that person came back, after the time of the message


class IdentifierFilter:
    """Filters the identifiers of a chunk's messages: first by rules, then by suppressions.

    Values that stand for nobody are left out ahead of the people lock. Who is erased is read under
    it, and given by `keep_out`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._rank = configuration.rules.rank
        self._blocked: Mapping[str, frozenset[str]] = configuration.blocked
        self._normalisers = configuration.normalisers
        self._usable: dict[Ref, Ref | None] = {}
        self._suppressed: frozenset[str] = frozenset()
        self._returned: dict[str, datetime] = {}

    def usable(self, message: Message) -> Message:
        """Return the message with the identifiers that stand for somebody, highest first."""
        if len(message.refs) == 1 and self._usable_ref(message.refs[0]) == message.refs[0]:
            # By far the most common message: nothing to sort and nothing to leave out.
            return message
        refs = {ref for ref in map(self._usable_ref, message.refs) if ref is not None}
        return message._replace(refs=tuple(sorted(refs, key=self._rank)))

    def is_outdated(self) -> bool:
        """Whether staff chose a spelling since, for identifiers that were met here.

        It is asked under the people lock, which choosing one takes.
        """
        if all(ref.namespace in OWN_NORMALISERS for ref in self._usable):
            return False
        return load_normalisers() != self._normalisers

    def keep_out(self, kept_out: Mapping[str, KeptOut]) -> None:
        """Take note of the references of people who were erased, and of when they came back."""
        self._suppressed = frozenset(ref for ref, row in kept_out.items() if row.until == FOREVER)
        self._returned = {ref: row.until for ref, row in kept_out.items() if row.until != FOREVER}

    def without_suppressed(self, message: Message) -> Message | Dropped:
        """Return a usable message without what stands for erased people.

        Returns why it is dropped where its highest identifier is one of theirs.
        """
        suppressed = self._suppressed_at(message.timestamp)
        if not suppressed:
            return message
        if message.refs and (highest := reference_of(message.refs[0])) in suppressed:
            return Dropped.BEFORE_RETURN if highest in self._returned else Dropped.SUPPRESSED
        refs = tuple(ref for ref in message.refs if reference_of(ref) not in suppressed)
        kept = message._replace(refs=refs)
        if suppressed.isdisjoint(references_in([message])):
            return kept
        return Redaction(suppressed).of(kept)

    def _suppressed_at(self, at: datetime) -> Set[str]:
        """Return what is kept out of a message of this time."""
        if not self._returned:
            return self._suppressed
        return self._suppressed | {ref for ref, until in self._returned.items() if at < until}

    def _usable_ref(self, ref: Ref) -> Ref | None:
        """Return how the identifier is stored, None if it stands for nobody."""
        if ref not in self._usable:
            self._usable[ref] = self._spelled(ref)
        return self._usable[ref]

    def _spelled(self, ref: Ref) -> Ref | None:
        extra = self._blocked.get(ref.namespace, frozenset())
        if is_blocked(ref.namespace, ref.value, extra):
            return None
        if ref.namespace not in self._normalisers:
            return ref
        try:
            stored = Ref(ref.namespace, spelled(*ref, self._normalisers))
        except InvalidIdentifier:
            # A malformed one must not cost the whole message.
            return None
        return None if is_blocked(stored.namespace, stored.value, extra) else stored


def references_in(messages: Collection[Message]) -> Iterator[str]:
    """Yield all that may be of erased people: whom messages name, and what they mention.

    Texts and identifiers that several messages have are looked into once.
    """
    yield from map(reference_of, {ref for message in messages for ref in message.refs})
    for name in distinctive_among({message.name for message in messages}):
        yield from _mentioned(name)
    for context in {message.context for message in messages}:
        yield from _mentioned_in_context(context)
    for properties in distinctive_among({message.properties for message in messages}):
        yield from _mentioned(exact_json.loads(properties))
    for message in messages:
        if message.traits:
            yield from _mentioned(message.traits)


def _mentioned(content: Any) -> set[str]:
    return mentions(content, region=settings.DEFAULT_PHONE_REGION)


@remembered(maxsize=4096)
def _mentioned_in_context(text: str) -> frozenset[str]:
    """Return what a context mentions. Cached, since a client's contexts are mostly the same."""
    return frozenset(_mentioned(exact_json.loads(text)) if is_distinctive(text) else ())
