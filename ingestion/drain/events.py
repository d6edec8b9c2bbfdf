"""The events of one chunk: prepared, and stored ahead of the people lock if possible.

Invariant: what is stored ahead is a guess. Once the messages are attributed, every guess is
compared with the attribution, and an event that was stored elsewhere is taken back.
"""

from collections.abc import Iterable, Sequence

from ingestion.catalogue.copies import Copies, read_copies, with_copies
from ingestion.drain import checkpoints
from ingestion.drain.chunk import PendingMessage
from profiles.lib.checkpoints import reach
from profiles.models import TrustLevel
from profiles.registry import IdentifierMove
from profiles.services import (
    AttributedEvent,
    Attribution,
    EventDraft,
    EventTimes,
    NameRef,
    Resolution,
    Rules,
    add_to_stats,
    copy_events,
    draft_event,
    predict_attributions,
    recompute_stats,
    resolve_names,
    take_back_events,
)


def prepare_events(messages: Iterable[PendingMessage]) -> None:
    """Prepare the events of messages; once more where something was cut out of a message.

    Names of what a plan refuses do not go into the dictionary of names.
    """
    with_event = [each for each in messages if each.message.kind and not each.is_refused]
    names = resolve_names(_claimants(with_event))
    copies = read_copies(pending.message.properties for pending in with_event)
    for pending in with_event:
        name = names[pending.message.kind, pending.message.name]
        pending.has_other_name = name.is_other
        pending.is_event_changed = pending.event is not None
        pending.event = _draft(pending, name, copies)


def _claimants(messages: Iterable[PendingMessage]) -> dict[tuple[str, str], int | None]:
    """Return the source that claims each event name, None where a trusted one sends it too."""
    claimants: dict[tuple[str, str], int | None] = {}
    for pending in messages:
        key = (pending.message.kind, pending.message.name)
        if pending.trust > TrustLevel.CLAIM:
            claimants[key] = None
        else:
            claimants.setdefault(key, pending.row.source_id)
    return claimants


def store_ahead(messages: Iterable[PendingMessage], rules: Rules) -> None:
    """Store the events of people who are known well, without holding the people lock."""
    messages = list(messages)
    predictions = predict_attributions((pending.message.refs for pending in messages), rules=rules)
    events: list[AttributedEvent] = []
    for pending in messages:
        prediction = predictions.get(pending.message.refs)
        if pending.event is not None and prediction is not None:
            pending.predicted = prediction
            events.append(AttributedEvent(*prediction, pending.event))
    _copy(events)


def store_events(messages: Iterable[PendingMessage], resolution: Resolution) -> None:
    """Have exactly the attributed events stored, each with its profile, and their statistics.

    `messages` are all of the chunk: an event that was stored ahead of a message that was then
    dropped is taken back.
    """
    targets = _targets(resolution.moves)
    stored: list[AttributedEvent] = []
    missing: list[AttributedEvent] = []
    misplaced: list[tuple[int, EventDraft, str]] = []
    for pending in messages:
        if pending.event is None:
            continue
        place = _current_place(pending.predicted, targets)
        is_in_place = place == pending.attribution and not pending.is_event_changed
        if place is not None and not is_in_place:
            misplaced.append((place.profile_id, pending.event, pending.message.digest))
        if pending.attribution is not None:
            event = AttributedEvent(*pending.attribution, pending.event)
            stored.append(event)
            if not is_in_place:
                missing.append(event)
    reach(checkpoints.TAKING_BACK_EVENTS, misplaced)
    take_back_events(
        [(profile_id, event.timestamp, digest) for profile_id, event, digest in misplaced]
    )
    _copy(missing)
    moved = resolution.moved_profiles
    add_to_stats([event for event in stored if event.profile_id not in moved])
    # Those of moved profiles are counted from the events, since identifiers took events along.
    recompute_stats(moved)


def _copy(events: Sequence[AttributedEvent]) -> None:
    reach(checkpoints.COPYING_EVENTS, events)
    copy_events(events)
    reach(checkpoints.EVENTS_COPIED, events)


def _targets(moves: Sequence[IdentifierMove]) -> dict[tuple[int, int], int]:
    """Where identifiers of a profile went: the moves of this chunk took their events along."""
    return {(move.identifier_id, move.origin): move.target for move in moves}


def _current_place(
    predicted: Attribution | None, targets: dict[tuple[int, int], int]
) -> Attribution | None:
    """Where an event that was stored ahead is now."""
    if predicted is None:
        return None
    profile_id, identifier_id = predicted
    return Attribution(targets.get((identifier_id, profile_id), profile_id), identifier_id)


def _draft(pending: PendingMessage, name: NameRef, copies: Copies) -> EventDraft:
    message = pending.message
    times = EventTimes(
        timestamp=message.timestamp,
        received_at=pending.row.received_at,
        original_timestamp=message.original_timestamp,
        sent_at=message.sent_at,
        arrival=pending.arrival,
    )
    return draft_event(
        message.digest,
        source_id=pending.row.source_id,
        name=name,
        times=times,
        properties=with_copies(message.properties, copies),
        context=message.context,
    )
