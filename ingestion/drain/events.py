"""The events of one chunk: drafted, and where it is plain whose they are stored, before anybody is locked.

Invariant: what is stored ahead is a guess. Once the messages are judged, every guess is compared with its landing, and
what turned out otherwise is taken back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingestion.inbox.lease import LeasedRow
from ingestion.messages import Message
from profiles.identity.engine import Rules
from profiles.registry import IdentifierMove
from profiles.services import (
    AttributedEvent,
    Attribution,
    EventDraft,
    EventTimes,
    NameRef,
    Resolution,
    add_to_stats,
    copy_events,
    draft_event,
    predict_attributions,
    recompute_stats,
    resolve_names,
    take_back_events,
)

Fresh = tuple[LeasedRow, Message]
Landed = Sequence[tuple[LeasedRow, Message, Attribution]]


@dataclass(slots=True)
class ChunkEvents:
    """Drafts by digest, and where those that are stored already were put."""

    _drafts: dict[str, EventDraft] = field(default_factory=dict)
    _ahead: dict[str, Attribution] = field(default_factory=dict)
    _outdated: set[str] = field(default_factory=set)

    def draft(self, fresh: Iterable[Fresh]) -> None:
        """Make ready what the messages have of events, once more where something was cut out of them."""
        events = [(row, message) for row, message in fresh if message.kind]
        names = resolve_names({(message.kind, message.name) for _, message in events})
        for row, message in events:
            if message.digest in self._ahead:
                self._outdated.add(message.digest)
            self._drafts[message.digest] = _draft(row, message, names[message.kind, message.name])

    def store_ahead(self, fresh: Iterable[Fresh], rules: Rules) -> None:
        """Store the events of people who are known well: most of what there is to store."""
        presumed = predict_attributions((message.refs for _, message in fresh), rules=rules)
        events = {message.digest: message.refs for _, message in fresh if message.kind}
        self._ahead = {
            digest: presumed[refs] for digest, refs in events.items() if refs in presumed
        }
        copy_events([self._arrival(digest, landing) for digest, landing in self._ahead.items()])

    def store(self, landed: Landed, judgement: Resolution) -> None:
        """Have exactly the landed events stored, each where it landed, and their statistics."""
        places = self._places(judgement.moves)
        arrivals: list[AttributedEvent] = []
        late: list[AttributedEvent] = []
        for _, message, landing in landed:
            if message.kind:
                arrival = self._arrival(message.digest, landing)
                arrivals.append(arrival)
                if places.get(message.digest) == landing and message.digest not in self._outdated:
                    del places[message.digest]
                else:
                    late.append(arrival)
        take_back_events(
            [
                (place.profile_id, self._drafts[digest].timestamp, digest)
                for digest, place in places.items()
            ]
        )
        copy_events(late)
        moved = judgement.moved_profiles
        add_to_stats([arrival for arrival in arrivals if arrival.profile_id not in moved])
        recompute_stats(moved)

    def _arrival(self, digest: str, landing: Attribution) -> AttributedEvent:
        return AttributedEvent(landing.profile_id, landing.identifier_id, self._drafts[digest])

    def _places(self, moves: Sequence[IdentifierMove]) -> dict[str, Attribution]:
        """Where the events stored ahead are now: the judgement's own moves took them along."""
        moved = {(move.identifier_id, move.origin): move.target for move in moves}
        return {
            digest: Attribution(moved.get((identifier, profile), profile), identifier)
            for digest, (profile, identifier) in self._ahead.items()
        }


def _draft(row: LeasedRow, message: Message, name: NameRef) -> EventDraft:
    return draft_event(
        message.digest,
        source_id=row.source_id,
        name=name,
        times=EventTimes(
            message.timestamp, row.received_at, message.original_timestamp, message.sent_at
        ),
        properties=message.properties,
        context=message.context,
    )
