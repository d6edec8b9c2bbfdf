"""All writes to people: one transaction each, with the actor named, announced on commit."""

from profiles.services.changes import answer_nudge, mark_changed, nudge
from profiles.services.database import binary_cursor, database_now, people_lock
from profiles.services.events import (
    Arrival,
    Draft,
    EventTimes,
    NameRef,
    draft_event,
    forget_seen,
    recompute_stats,
    resolve_names,
    see_profiles,
    store_events,
    take_unseen,
)
from profiles.services.identity import Judgement, Landing, Sighting, judge, load_rules
from profiles.services.keys import create_api_key, create_source, revoke_api_key
from profiles.services.people import identify, parse_reference, profiles_by_reference, rectify
from profiles.services.resettling import resettle
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
    "answer_nudge",
    "binary_cursor",
    "change_source",
    "create_api_key",
    "create_source",
    "database_now",
    "draft_event",
    "forget_seen",
    "identify",
    "judge",
    "learn",
    "load_rules",
    "mark_changed",
    "nudge",
    "parse_reference",
    "people_lock",
    "profiles_by_reference",
    "recompute_golden",
    "recompute_stats",
    "rectify",
    "resettle",
    "resolve_names",
    "revoke_api_key",
    "see_profiles",
    "store_events",
    "take_unseen",
    "valkey",
]
