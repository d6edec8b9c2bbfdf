"""All writes to people: one transaction each, with the actor named, announced on commit."""

from profiles.services.changes import answer_nudge, mark_changed, nudge
from profiles.services.database import array_of, binary_cursor, database_now, people_lock
from profiles.services.derived import derive
from profiles.services.drafts import Arrival, Draft, EventTimes, NameRef, draft_event
from profiles.services.events import (
    add_to_stats,
    copy_events,
    recompute_stats,
    resolve_names,
    see_profiles,
    take_back_events,
)
from profiles.services.identity import Judgement, Landing, Sighting, judge, load_rules, presume
from profiles.services.keys import create_api_key, create_source, revoke_api_key
from profiles.services.people import identify, parse_reference, profiles_by_reference, rectify
from profiles.services.resettling import resettle
from profiles.services.seen import forget_messages, is_taken, keep_taken, take_messages
from profiles.services.sources import change_source
from profiles.services.traits import RecordKey, Telling, learn, recompute_golden
from profiles.services.valkey import valkey

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
    "answer_nudge",
    "array_of",
    "binary_cursor",
    "change_source",
    "copy_events",
    "create_api_key",
    "create_source",
    "database_now",
    "derive",
    "draft_event",
    "forget_messages",
    "identify",
    "is_taken",
    "judge",
    "keep_taken",
    "learn",
    "load_rules",
    "mark_changed",
    "nudge",
    "parse_reference",
    "people_lock",
    "presume",
    "profiles_by_reference",
    "recompute_golden",
    "recompute_stats",
    "rectify",
    "resettle",
    "resolve_names",
    "revoke_api_key",
    "see_profiles",
    "take_back_events",
    "take_messages",
    "valkey",
]
