"""All writes to people: one transaction each, with the actor named, announced on commit."""

from profiles.api_keys import create_api_key, revoke_api_key
from profiles.derived import derive
from profiles.events.copy_format import Arrival, Draft, EventTimes, draft_event
from profiles.events.deduplication import forget_messages, is_taken, keep_taken, take_messages
from profiles.events.names import NameRef, resolve_names
from profiles.events.statistics import add_to_stats, recompute_stats
from profiles.events.store import copy_events, see_profiles, take_back_events
from profiles.identity.identify import identify
from profiles.identity.observations import Judgement, Landing, Sighting
from profiles.identity.predict import presume
from profiles.identity.resettle import resettle
from profiles.identity.resolve import judge
from profiles.identity.rules import load_rules
from profiles.sources import change_source, create_source
from profiles.traits.records import RecordKey, Telling, learn, recompute_golden
from profiles.traits.rectification import rectify

__all__ = [
    "Arrival",
    "Draft",
    "EventTimes",
    "Judgement",
    "Landing",
    "NameRef",
    "RecordKey",
    "Sighting",
    "Telling",
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
    "judge",
    "keep_taken",
    "learn",
    "load_rules",
    "presume",
    "recompute_golden",
    "recompute_stats",
    "rectify",
    "resettle",
    "resolve_names",
    "revoke_api_key",
    "see_profiles",
    "take_back_events",
    "take_messages",
]
