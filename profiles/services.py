"""The public functions of profiles, by which other apps write.

Each write is one transaction, or a part of the caller's.
"""

from profiles.accounts.reads import accounts_of
from profiles.accounts.records import AccountStatement, record_accounts
from profiles.accounts.wake import wake_members
from profiles.acting import SamePerson, are_one_person, may_act_still
from profiles.api_keys import create_api_key, revoke_api_key
from profiles.audit import (
    CUSTOMER,
    PROFILE,
    Actor,
    actor_names,
    audited,
    delete_audited,
    differences,
    prune_audit,
    public_actors,
    save_audited,
)
from profiles.cases.answers import CaseAnswered, CaseFault, answer_case, postpone_case
from profiles.cases.queue import count_open_cases
from profiles.corrections.judgement import (
    ContactNotFree,
    InvalidCorrection,
    checked_corrections,
    requires_staff,
)
from profiles.corrections.rectification import rectify, unlock
from profiles.derived import derive
from profiles.events.deduplication import forget_messages, is_taken, keep_taken, take_messages
from profiles.events.drafts import AttributedEvent, EventDraft, EventTimes, draft_event
from profiles.events.expiry import (
    EventExpiry,
    count_expired_events,
    delete_expired_events,
    reclaim_empty_months,
)
from profiles.events.money import CURRENCY, amount_text, currencies_of, is_money
from profiles.events.names import NameRef, resolve_names
from profiles.events.reductions import ReductionError, check_reduced, set_reduced
from profiles.events.statistics import add_to_stats, recompute_stats
from profiles.events.store import copy_events, take_back_events, widen_seen_spans
from profiles.health.measure import find_health, last_out_of_range, measure_health, trends
from profiles.identity.decisions import (
    DecisionConflict,
    DecisionError,
    NewDecision,
    decide,
    keep_apart,
    undo_decision,
)
from profiles.identity.engine import Rules
from profiles.identity.facts import REFUSALS, Effect, FactEvidence, facts_naming
from profiles.identity.identify import identify
from profiles.identity.observations import Attribution, Observation, Resolution
from profiles.identity.predict import predict_attributions
from profiles.identity.quarantine import release_quarantine, settle_quarantines
from profiles.identity.resettle import components_of, resettle, resettle_components
from profiles.identity.resolve import resolve_observations
from profiles.identity.rules import (
    load_blocked,
    load_rules,
    note_erased_namespaces,
)
from profiles.identity.ruleset.apply import (
    APPLY_RULES,
    apply_rules,
    pause_application,
    resume_application,
    run_applications,
    unfinished_application,
)
from profiles.identity.ruleset.document import (
    RulesFault,
    as_plain,
    document_of_store,
    parse_document,
    read_rules,
    write_document,
)
from profiles.identity.ruleset.plan import RulesPlan, plan_rules, sweep
from profiles.identity.ruleset.sandbox import play_by_candidate, play_by_stored
from profiles.identity.ruleset.versions import (
    VersionView,
    all_versions,
    document_of,
    save_identity_rule,
    view_versions,
)
from profiles.matching.answers import ProposalAnswered, answer_proposal, postpone_proposal
from profiles.matching.queue import count_open_proposals
from profiles.reading import (
    looks_at,
    note_list,
    note_reads,
    people_read,
    persons_of,
    prune_reads,
    readers,
    scope_of_reads,
)
from profiles.schema.fold import fold_tallies, prune_schema
from profiles.schema.reads import (
    KeyFigures,
    SourceOfKey,
    days_of_event,
    figures_of_key,
    last_days,
    sources_of_event,
    with_event_figures,
    with_figures,
    with_trait_figures,
)
from profiles.schema.review import Review, UnknownNames, review_properties, review_traits
from profiles.schema.shapes import OTHER_NAMES, shape_of
from profiles.schema.tallies import Subject, SubjectCount, keep_tally
from profiles.schema.values import FrequentValue, frequent_values
from profiles.search.people import find_people
from profiles.second_factor import (
    begin_second_factor,
    check_code,
    confirm_second_factor,
    has_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    second_factor_of,
)
from profiles.sources import (
    SOURCE_SETTINGS,
    SourceSettings,
    change_source,
    create_source,
    settings_of,
    source_of_service,
)
from profiles.staff import (
    anonymise_staff,
    choose_language,
    delete_role,
    language_of_staff,
    password_changed,
    role_saved,
    search_made,
    staff_saved,
)
from profiles.traits.computed import mark_computed, read_computed, store_computed
from profiles.traits.definitions import save_trait_definition, trait_origins
from profiles.traits.expiry import delete_expired_traits, find_expired_traits
from profiles.traits.golden import CONTACT_TRAITS
from profiles.traits.new_names import within_claimed_names
from profiles.traits.parties import load_parties
from profiles.traits.recategorising import set_all_apart
from profiles.traits.records import all_traits_of, recompute_golden, record_traits
from profiles.traits.sensitivity import (
    Category,
    TraitCategories,
    load_categories,
    most_sensitive,
)
from profiles.traits.special import kept_apart, special_among
from profiles.traits.statements import RecordKey, TraitStatement

__all__ = [
    "APPLY_RULES",
    "CONTACT_TRAITS",
    "CURRENCY",
    "CUSTOMER",
    "OTHER_NAMES",
    "PROFILE",
    "REFUSALS",
    "SOURCE_SETTINGS",
    "AccountStatement",
    "Actor",
    "AttributedEvent",
    "Attribution",
    "CaseAnswered",
    "CaseFault",
    "Category",
    "ContactNotFree",
    "DecisionConflict",
    "DecisionError",
    "Effect",
    "EventDraft",
    "EventExpiry",
    "EventTimes",
    "FactEvidence",
    "FrequentValue",
    "InvalidCorrection",
    "KeyFigures",
    "NameRef",
    "NewDecision",
    "Observation",
    "ProposalAnswered",
    "RecordKey",
    "ReductionError",
    "Resolution",
    "Review",
    "Rules",
    "RulesFault",
    "RulesPlan",
    "SamePerson",
    "SourceOfKey",
    "SourceSettings",
    "Subject",
    "SubjectCount",
    "TraitCategories",
    "TraitStatement",
    "UnknownNames",
    "VersionView",
    "accounts_of",
    "actor_names",
    "add_to_stats",
    "all_traits_of",
    "all_versions",
    "amount_text",
    "anonymise_staff",
    "answer_case",
    "answer_proposal",
    "apply_rules",
    "are_one_person",
    "as_plain",
    "audited",
    "begin_second_factor",
    "change_source",
    "check_code",
    "check_reduced",
    "checked_corrections",
    "choose_language",
    "components_of",
    "confirm_second_factor",
    "copy_events",
    "count_expired_events",
    "count_open_cases",
    "count_open_proposals",
    "create_api_key",
    "create_source",
    "currencies_of",
    "days_of_event",
    "decide",
    "delete_audited",
    "delete_expired_events",
    "delete_expired_traits",
    "delete_role",
    "derive",
    "differences",
    "document_of",
    "document_of_store",
    "draft_event",
    "facts_naming",
    "figures_of_key",
    "find_expired_traits",
    "find_health",
    "find_people",
    "fold_tallies",
    "forget_messages",
    "frequent_values",
    "has_second_factor",
    "identify",
    "is_money",
    "is_taken",
    "keep_apart",
    "keep_taken",
    "keep_tally",
    "kept_apart",
    "language_of_staff",
    "last_days",
    "last_out_of_range",
    "load_blocked",
    "load_categories",
    "load_parties",
    "load_rules",
    "looks_at",
    "mark_computed",
    "may_act_still",
    "measure_health",
    "most_sensitive",
    "note_erased_namespaces",
    "note_list",
    "note_reads",
    "parse_document",
    "password_changed",
    "pause_application",
    "people_read",
    "persons_of",
    "plan_rules",
    "play_by_candidate",
    "play_by_stored",
    "postpone_case",
    "postpone_proposal",
    "predict_attributions",
    "prune_audit",
    "prune_reads",
    "prune_schema",
    "public_actors",
    "read_computed",
    "read_rules",
    "readers",
    "reclaim_empty_months",
    "recompute_golden",
    "recompute_stats",
    "record_accounts",
    "record_traits",
    "rectify",
    "release_quarantine",
    "remove_second_factor",
    "renew_recovery_codes",
    "requires_staff",
    "resettle",
    "resettle_components",
    "resolve_names",
    "resolve_observations",
    "resume_application",
    "review_properties",
    "review_traits",
    "revoke_api_key",
    "role_saved",
    "run_applications",
    "save_audited",
    "save_identity_rule",
    "save_trait_definition",
    "scope_of_reads",
    "search_made",
    "second_factor_of",
    "set_all_apart",
    "set_reduced",
    "settings_of",
    "settle_quarantines",
    "shape_of",
    "source_of_service",
    "sources_of_event",
    "special_among",
    "staff_saved",
    "store_computed",
    "sweep",
    "take_back_events",
    "take_messages",
    "trait_origins",
    "trends",
    "undo_decision",
    "unfinished_application",
    "unlock",
    "view_versions",
    "wake_members",
    "widen_seen_spans",
    "with_event_figures",
    "with_figures",
    "with_trait_figures",
    "within_claimed_names",
    "write_document",
]
