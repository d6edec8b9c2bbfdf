"""The public functions of profiles, by which other apps write.

Each write is one transaction, or a part of the caller's.
"""

from profiles.api_keys import create_api_key, revoke_api_key
from profiles.derived import derive
from profiles.events.copy_format import AttributedEvent, EventDraft, EventTimes, draft_event
from profiles.events.deduplication import forget_messages, is_taken, keep_taken, take_messages
from profiles.events.names import NameRef, resolve_names
from profiles.events.statistics import add_to_stats, recompute_stats
from profiles.events.store import copy_events, take_back_events, widen_seen_spans
from profiles.identity.identify import identify
from profiles.identity.observations import Attribution, Observation, Resolution
from profiles.identity.predict import predict_attributions
from profiles.identity.resettle import resettle
from profiles.identity.resolve import resolve_observations
from profiles.identity.rules import load_rules
from profiles.sources import change_source, create_source
from profiles.traits.records import RecordKey, TraitStatement, recompute_golden, record_traits
from profiles.traits.rectification import rectify

__all__ = [
    "AttributedEvent",
    "Attribution",
    "EventDraft",
    "EventTimes",
    "NameRef",
    "Observation",
    "RecordKey",
    "Resolution",
    "TraitStatement",
    "add_to_stats",
    "change_source",
    "copy_events",
    "create_api_key",
    "create_source",
    "derive",
    "draft_event",
    "forget_messages",
    "identify",
    "is_taken",
    "keep_taken",
    "load_rules",
    "predict_attributions",
    "recompute_golden",
    "recompute_stats",
    "record_traits",
    "rectify",
    "resettle",
    "resolve_names",
    "resolve_observations",
    "revoke_api_key",
    "take_back_events",
    "take_messages",
    "widen_seen_spans",
]
