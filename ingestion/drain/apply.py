"""Applying the messages of a chunk, in one transaction.

Invariant: the steps run in this order: people lock, suppressions, identity, traits, accounts,
events, consents, changes. Suppressions and identities are read by statements that begin after the
lock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.conf import settings

from consent.services import (
    KeptOut,
    LateMessage,
    Sighting,
    distinctive_among,
    find_suppressed,
    keep_late_messages,
    mentions,
    readmit_companions,
    redacted_text,
    suppressions_of,
)
from ingestion.drain import checkpoints
from ingestion.drain.accounting import account_for
from ingestion.drain.accounts import record_group_calls
from ingestion.drain.chunk import EPOCH, Chunk, PendingMessage
from ingestion.drain.configuration import Configuration, load_configuration
from ingestion.drain.consents import record_consents
from ingestion.drain.enrichment import conclude_traits, enrich
from ingestion.drain.events import prepare_events, store_ahead, store_events
from ingestion.drain.identifier_filter import (
    NO_IDENTIFIER,
    Dropped,
    IdentifierFilter,
    references_in,
)
from ingestion.drain.plans import count_plan_breaches, judge_by_plans, part_by_plans
from ingestion.drain.refusals import keep_refusals
from ingestion.drain.schema import tally_messages
from ingestion.drain.special import cut_special_traits
from ingestion.drain.trust import verify_signatures
from ingestion.inbox.counts import count_dropped
from ingestion.inbox.rejected import RowRejection
from ingestion.messages import UNUSABLE_VALUE
from ingestion.plans.content import Plan
from profiles.identifiers.references import reference_of
from profiles.lib.change_queue import mark_changed, mark_changes
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import ProfileChange, TrustLevel
from profiles.services import (
    Observation,
    RecordKey,
    Resolution,
    TraitStatement,
    forget_messages,
    record_traits,
    resolve_observations,
    take_messages,
    widen_seen_spans,
    within_claimed_names,
)

# What a public key sent under more names than one key may bring.
TRAIT_NAME, EVENT_NAME = "trait_name", "event_name"
# A claim that names more vouched identifiers beside one than a day's claims may.
CLAIMED_IDENTIFIER = "claimed_identifier"


def take_chunk(chunk: Chunk) -> None:
    """Take the messages that no other request has taken, and leave only these in the chunk."""
    by_digest: dict[str, PendingMessage] = {}
    for pending in chunk.messages:
        # Of two equal messages in one chunk the first counts.
        if by_digest.setdefault(pending.message.digest, pending) is not pending:
            chunk.repeats.append(pending)
    if not by_digest:
        return
    takers = {digest: pending.row.id for digest, pending in by_digest.items()}
    taken = take_messages(takers, day=chunk.messages[0].day)
    chunk.messages = [pending for digest, pending in by_digest.items() if digest in taken]
    chunk.repeats += [pending for digest, pending in by_digest.items() if digest not in taken]


def apply_chunk(chunk: Chunk, configuration: Configuration) -> None:
    """Let the taken messages take effect, and keep those that cannot be taken.

    In the caller's transaction.
    """
    identifiers = _prepare(chunk.messages, configuration)
    reach(checkpoints.BEFORE_PEOPLE_LOCK)
    people_lock()
    reach(checkpoints.PEOPLE_LOCKED)
    if identifiers.is_outdated():
        configuration, identifiers = _reconfigure(chunk.messages, configuration)
    now = database_now()
    nameable, rejected = _filter_identifiers(chunk.messages, identifiers, configuration.plans)
    taken, refused, opt_outs = part_by_plans(nameable)
    reach(checkpoints.FILTERED)
    resolution = _attribute([*taken, *opt_outs], configuration, now)
    reach(checkpoints.RESOLVED)
    refused_traits = _record_traits(taken, resolution, now)
    reach(checkpoints.TRAITS_RECORDED)
    refused_accounts = record_group_calls(taken, configuration)
    reach(checkpoints.ACCOUNTS_RECORDED)
    store_events(chunk.messages, resolution)
    _count_left_out(taken)
    count_plan_breaches(nameable, now=now)
    reach(checkpoints.EVENTS_STORED)
    spans = _seen_spans(taken)
    widen_seen_spans(spans, made_at=now)
    record_consents([*taken, *opt_outs], configuration, resolution.changed_profiles)
    _wake(taken, resolution.changed_profiles | set(spans))
    for reason, by_source in {TRAIT_NAME: refused_traits, **refused_accounts}.items():
        _count_by_source(by_source, reason)
    _count_names_too_many(chunk.messages, taken, resolution)
    keep_refusals([*chunk.rejections, *rejected, *refused])
    account_for(chunk, taken, [*rejected, *refused])
    tally_messages(taken)
    reach(checkpoints.APPLIED)


def _prepare(messages: Sequence[PendingMessage], configuration: Configuration) -> IdentifierFilter:
    """Do ahead of the people lock what can be done there; return whom messages may name."""
    verify_signatures(messages)
    redact_names(messages)
    cut_special_traits(messages)
    identifiers = IdentifierFilter(configuration)
    _observe(messages, identifiers)
    judge_by_plans(messages, configuration.plans)
    # After the plans, which say what sources send.
    enrich(messages)
    prepare_events(messages)
    store_ahead(messages, configuration.rules)
    return identifiers


def _reconfigure(
    messages: Sequence[PendingMessage], configuration: Configuration
) -> tuple[Configuration, IdentifierFilter]:
    """Read what staff changed before the lock was taken, and observe the messages anew."""
    # The plans stay: messages' events were prepared by the verdict of these.
    fresh = load_configuration()._replace(plans=configuration.plans)
    identifiers = IdentifierFilter(fresh)
    _observe(messages, identifiers)
    return fresh, identifiers


def _wake(messages: Iterable[PendingMessage], changed: set[int]) -> None:
    """Have the segments of those who changed evaluated, as live where their messages came live."""
    live = _live_arrivals(messages)
    mark_changes(ProfileChange.Kind.LIVE, live)
    # One wake-up is enough for each.
    mark_changed(changed - {pk for pk, _ in live})


def _live_arrivals(messages: Iterable[PendingMessage]) -> set[tuple[int, str]]:
    """Return whose messages came live, and when; neither from a file nor replayed."""
    return {
        (
            pending.attribution.profile_id,
            str(round((pending.row.received_at - EPOCH).total_seconds() * 1_000_000)),
        )
        for pending in messages
        if pending.attribution is not None
        if pending.row.file_import_id is None and pending.row.first_arrival is None
    }


def _count_names_too_many(
    messages: Iterable[PendingMessage], kept: Iterable[PendingMessage], resolution: Resolution
) -> None:
    """Count the names of events and the claimed identifiers that were above their limits."""
    renamed = (pending.row.source_id for pending in messages if pending.has_other_name)
    _count_by_source(Counter(renamed), EVENT_NAME)
    cut = (each.row.source_id for each in kept if each.observation in resolution.cut_claims)
    _count_by_source(Counter(cut), CLAIMED_IDENTIFIER)


def redact_names(messages: Sequence[PendingMessage]) -> None:
    """Take erased people out of names of events, before these go into the dictionary of names.

    It is asked before the people lock, since names come first; what an erasure misses by this is
    found by the sweep.
    """
    names = set(distinctive_among({pending.message.name for pending in messages}))
    naming = [pending for pending in messages if pending.message.name in names]
    region = settings.DEFAULT_PHONE_REGION
    mentioned = (ref for p in naming for ref in mentions(p.message.name, region=region))
    suppressed = find_suppressed(mentioned) if naming else ()
    for pending in naming if suppressed else ():
        name = redacted_text(pending.message.name, suppressed, region=region)
        pending.message = pending.message._replace(name=name)


def _observe(messages: Iterable[PendingMessage], identifiers: IdentifierFilter) -> None:
    """Find the identifiers of messages that may be used, before anybody waits for the lock."""
    for pending in messages:
        pending.message = identifiers.usable(pending.message)
        pending.observation = _observation(pending)


def _observation(pending: PendingMessage) -> Observation:
    refs, source_id = pending.message.refs, pending.row.source_id
    return Observation.of(refs, source_id, pending.trust, pending.day)


def _filter_identifiers(
    messages: Sequence[PendingMessage],
    identifiers: IdentifierFilter,
    plans: Mapping[int, Plan],
) -> tuple[list[PendingMessage], list[RowRejection]]:
    """Return messages that name somebody, and rejections; drop those of erased people."""
    identifiers.keep_out(_kept_out(messages))
    kept: list[PendingMessage] = []
    rejected: list[PendingMessage] = []
    changed: list[PendingMessage] = []
    dropped: Counter[tuple[int, str]] = Counter()
    late: list[LateMessage] = []
    for pending in messages:
        message = identifiers.without_suppressed(pending.message)
        if isinstance(message, Dropped):
            pending.observation = None
            dropped[pending.row.source_id, message] += 1
            if message == Dropped.SUPPRESSED:
                late.append(_late_message(pending))
        elif not message.refs:
            pending.observation = None
            rejected.append(pending)
        else:
            if message is not pending.message:
                if message.raw is not pending.message.raw:
                    changed.append(pending)
                pending.message = message
                pending.observation = _observation(pending)
            kept.append(pending)
    judge_by_plans(changed, plans)
    conclude_traits(changed)
    prepare_events(changed)
    count_dropped(dropped)
    keep_late_messages(late)
    # A rejected message may be replayed after mending, and is no repeat then.
    forget_messages({pending.message.digest: pending.row.id for pending in rejected})
    return kept, [pending.rejected(*NO_IDENTIFIER) for pending in rejected]


def _late_message(pending: PendingMessage) -> LateMessage:
    """Return what a legal hold may still want of a message about an erased person."""
    message = pending.message
    return LateMessage(
        reference=reference_of(message.refs[0]),
        source_id=pending.row.source_id,
        event=message.name if message.kind else None,
        content=message.raw.decode(errors="replace").replace("\0", ""),
    )


def _kept_out(messages: Sequence[PendingMessage]) -> dict[str, KeptOut]:
    """Find out who of all that the messages name or mention is kept out, and until when.

    Whom a server names together with a person who came back is readmitted.
    """
    # An iterator: nothing is searched where nobody was ever erased.
    kept_out = suppressions_of(references_in([pending.message for pending in messages]))
    if not kept_out:
        return kept_out
    sightings = [
        Sighting(pending.message.timestamp, tuple(map(reference_of, pending.message.refs)))
        for pending in messages
        if pending.trust >= TrustLevel.SERVER
    ]
    return kept_out | readmit_companions(sightings, kept_out)


def _attribute(
    messages: Sequence[PendingMessage], configuration: Configuration, now: datetime
) -> Resolution:
    """Find out whose each message is."""
    observations = [pending.observation for pending in messages if pending.observation]
    resolution = resolve_observations(
        observations,
        rules=configuration.rules,
        source_keys=configuration.source_keys,
        now=now,
    )
    for pending, observation in zip(messages, observations, strict=True):
        pending.attribution = resolution.attributions[observation]
    return resolution


def _record_traits(
    messages: Iterable[PendingMessage], resolution: Resolution, now: datetime
) -> Counter[int]:
    """Record traits; return how many were left out, by source, since their names are too many."""
    statements = []
    for pending in messages:
        if pending.message.traits and pending.attribution:
            key = RecordKey(*pending.attribution, pending.row.source_id, pending.trust)
            traits = {**pending.concluded, **pending.message.traits}
            statements.append(TraitStatement(key, traits, pending.at, pending.arrival))
    bounded, refused = within_claimed_names(statements)
    record_traits(bounded, now=now, stale_profiles=resolution.stale_traits)
    return refused


def _seen_spans(messages: Iterable[PendingMessage]) -> dict[int, tuple[datetime, datetime]]:
    """When each profile was first and last seen, by all its messages."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for pending in messages:
        if pending.attribution is None:
            continue
        timestamp = pending.message.timestamp
        profile_id = pending.attribution.profile_id
        first, last = spans.get(profile_id, (timestamp, timestamp))
        spans[profile_id] = (min(first, timestamp), max(last, timestamp))
    return spans


def _count_left_out(messages: Iterable[PendingMessage]) -> None:
    """Count the parts of messages that could not be used, for staff to see what a source does."""
    counts: Counter[tuple[int, str]] = Counter()
    for pending in messages:
        for part in pending.message.left_out:
            counts[pending.row.source_id, part] += 1
        if pending.event is not None and pending.event.is_value_left_out:
            counts[pending.row.source_id, UNUSABLE_VALUE] += 1
    count_dropped(counts)


def _count_by_source(numbers: Mapping[int, int], reason: str) -> None:
    count_dropped({(source_id, reason): count for source_id, count in numbers.items()})
