"""The public functions of this app.

They define purposes, record consents, read the gate, handle privacy requests and suppress
identifiers. Each write is one transaction; a few, as their docstrings say, join the transaction of
a caller who holds the people lock.
"""

from consent.bounces.addresses import bounces_of, is_blocked, lift_block, note_bounce
from consent.customers.confirmations import send_confirmations
from consent.customers.deep_links import DeepLink, make_deep_link
from consent.customers.links import request_link, send_links
from consent.customers.sessions import OpenedSession, find_session, open_session
from consent.customers.unsubscribing import (
    ONE_CLICK,
    Subscription,
    find_subscription,
    refuse_mail,
    unsubscribe,
    unsubscribe_links,
)
from consent.holds.late import LateMessage, keep_late_messages
from consent.holds.placing import (
    HoldLifted,
    NewHold,
    change_hold,
    lift_hold,
    overdue_holds,
    place_hold,
)
from consent.holds.scope import InvalidHold, holdable_stores
from consent.idempotency import Answer, KeyedRequest, answer_once
from consent.journal.entries import give_to_file as give_to_journal
from consent.journal.state import awaits_replay, journal_fault
from consent.ledger.chain import Head, head_of_ledger, seal_ledger, verify_chain
from consent.ledger.events import UnknownPurpose
from consent.ledger.inputs import ConsentInput
from consent.ledger.proof import consent_proof, signed_proof, verify_digests
from consent.ledger.pruning import prune_ledger
from consent.ledger.receipts import Receipt, make_receipt
from consent.ledger.record import SignalPermits, record, record_many
from consent.ledger.sql import PERMITTED
from consent.ledger.statements import (
    BeforeReturn,
    ConsentStatement,
    KeyReused,
    Suppressed,
    UnknownProfile,
    record_own_statement,
    record_statement,
)
from consent.ledger.states import (
    current_states,
    events_of,
    find_refused,
    may_process,
    rebuild_states,
    verify_states,
)
from consent.ledger.tables import (
    APPENDED_TABLES,
    LEDGER_SEQUENCES,
    LEDGER_TABLES,
    PRUNING_FUNCTION,
    PRUNING_TABLES,
)
from consent.ledger.timestamps import NoTimestamp, read_timestamp, request_timestamp
from consent.letters.writing import note_letter, save_letter, send_letter
from consent.lib.colours import ink_on, read_colour, readable_on
from consent.lib.signing import public_keys
from consent.opendsr.callbacks import remove_old_callbacks, send_callbacks
from consent.opendsr.controllers import check_controller, controller_of, save_controller
from consent.opendsr.requests import (
    AlreadyPassedOn,
    NewSubjectRequest,
    cancel_subject_request,
    find_subject_request,
    open_subject_request,
    take_up_subject_requests,
)
from consent.proofs.erasure import NotErased, prove_erasure
from consent.purposes.versions import (
    PurposeTerms,
    TermsAreFixed,
    add_notice,
    change_purpose,
    define_purpose,
    refuse_laxer_terms,
    terms_with_changes,
)
from consent.register.consents import ConsentDay, PurposeTrend, consent_trends, lacking_texts
from consent.register.document import make_register
from consent.register.recipients import Recipient, declare_recipients
from consent.requests.alerts import DueCounts, count_due, tell_of_deadlines
from consent.requests.archives.collecting import preview_personal_data
from consent.requests.archives.fetching import (
    ArchiveGone,
    confirm_archive,
    take_archive,
    waiting_archives,
)
from consent.requests.archives.files import make_archive
from consent.requests.archives.folder import is_signed_here
from consent.requests.archives.schemas import SchemaName, archive_schema
from consent.requests.attachments import UnfitFile, attach, detach
from consent.requests.bulk import (
    approve_bulk,
    break_glass,
    carry_out_bulks,
    decline_bulk,
    open_bulk,
    waiting_bulks,
)
from consent.requests.casework import (
    add_note,
    answer_request,
    assign_request,
    close_as_duplicate,
    duplicates_of,
    note_check,
)
from consent.requests.confirming import confirm
from consent.requests.cooling import stop_request
from consent.requests.deadlines import open_requests, time_left
from consent.requests.erasure import count_receivers, erase, erase_person
from consent.requests.expiry import remove_expired
from consent.requests.fulfilment import (
    act_on_request,
    act_on_requests,
    count_failed_requests,
    end_cooling_times,
)
from consent.requests.guardians import NewGuardianOptIn, request_guardian
from consent.requests.lifecycle import (
    cancel_request,
    extend_request,
    refuse_request,
    verify_request,
)
from consent.requests.lifting import is_restriction_in_effect, lift_restriction
from consent.requests.new_address import open_own_request
from consent.requests.officers import tell_of_broken_glass
from consent.requests.opening import NewRequest, open_request
from consent.requests.opt_in import NewOptIn, request_opt_in
from consent.requests.permissions import Permission, own_permissions
from consent.requests.receipts import signed_receipt
from consent.requests.replay import replay_journal
from consent.requests.resuming import resume_held_back
from consent.requests.returning import Sighting, readmit_companions, welcome_back
from consent.requests.statuses import WrongStatus
from consent.requests.subjects import Subject, find_own_subject, find_subject
from consent.requests.sweep import sweep_traces
from consent.retention.forecasts import forecast_of_person, make_forecast
from consent.retention.rules import (
    ForecastOutdated,
    InvalidRule,
    RuleTerms,
    approve_rule,
    change_rule,
    create_rule,
    terms_of,
)
from consent.retention.runs import apply_daily_retention, apply_retention
from consent.retention.units import retained_events
from consent.suppression.forms import (
    distinctive_among,
    is_distinctive,
    mentions,
    redacted,
    redacted_text,
    spellings,
)
from consent.suppression.keys import SuppressionKeyMissing, check_suppression_key
from consent.suppression.rotation import wrap_suppressions
from consent.suppression.rows import (
    FOREVER,
    KeptOut,
    clean,
    find_suppressed,
    is_suppressed,
    suppress,
    suppressions_of,
)

__all__ = [
    "APPENDED_TABLES",
    "FOREVER",
    "LEDGER_SEQUENCES",
    "LEDGER_TABLES",
    "ONE_CLICK",
    "PERMITTED",
    "PRUNING_FUNCTION",
    "PRUNING_TABLES",
    "AlreadyPassedOn",
    "Answer",
    "ArchiveGone",
    "BeforeReturn",
    "ConsentDay",
    "ConsentInput",
    "ConsentStatement",
    "DeepLink",
    "DueCounts",
    "ForecastOutdated",
    "Head",
    "HoldLifted",
    "InvalidHold",
    "InvalidRule",
    "KeptOut",
    "KeyReused",
    "KeyedRequest",
    "LateMessage",
    "NewGuardianOptIn",
    "NewHold",
    "NewOptIn",
    "NewRequest",
    "NewSubjectRequest",
    "NoTimestamp",
    "NotErased",
    "OpenedSession",
    "Permission",
    "PurposeTerms",
    "PurposeTrend",
    "Receipt",
    "Recipient",
    "RuleTerms",
    "SchemaName",
    "Sighting",
    "SignalPermits",
    "Subject",
    "Subscription",
    "Suppressed",
    "SuppressionKeyMissing",
    "TermsAreFixed",
    "UnfitFile",
    "UnknownProfile",
    "UnknownPurpose",
    "WrongStatus",
    "act_on_request",
    "act_on_requests",
    "add_note",
    "add_notice",
    "answer_once",
    "answer_request",
    "apply_daily_retention",
    "apply_retention",
    "approve_bulk",
    "approve_rule",
    "archive_schema",
    "assign_request",
    "attach",
    "awaits_replay",
    "bounces_of",
    "break_glass",
    "cancel_request",
    "cancel_subject_request",
    "carry_out_bulks",
    "change_hold",
    "change_purpose",
    "change_rule",
    "check_controller",
    "check_suppression_key",
    "clean",
    "close_as_duplicate",
    "confirm",
    "confirm_archive",
    "consent_proof",
    "consent_trends",
    "controller_of",
    "count_due",
    "count_failed_requests",
    "count_receivers",
    "create_rule",
    "current_states",
    "declare_recipients",
    "decline_bulk",
    "define_purpose",
    "detach",
    "distinctive_among",
    "duplicates_of",
    "end_cooling_times",
    "erase",
    "erase_person",
    "events_of",
    "extend_request",
    "find_own_subject",
    "find_refused",
    "find_session",
    "find_subject",
    "find_subject_request",
    "find_subscription",
    "find_suppressed",
    "forecast_of_person",
    "give_to_journal",
    "head_of_ledger",
    "holdable_stores",
    "ink_on",
    "is_blocked",
    "is_distinctive",
    "is_restriction_in_effect",
    "is_signed_here",
    "is_suppressed",
    "journal_fault",
    "keep_late_messages",
    "lacking_texts",
    "lift_block",
    "lift_hold",
    "lift_restriction",
    "make_archive",
    "make_deep_link",
    "make_forecast",
    "make_receipt",
    "make_register",
    "may_process",
    "mentions",
    "note_bounce",
    "note_check",
    "note_letter",
    "open_bulk",
    "open_own_request",
    "open_request",
    "open_requests",
    "open_session",
    "open_subject_request",
    "overdue_holds",
    "own_permissions",
    "place_hold",
    "preview_personal_data",
    "prove_erasure",
    "prune_ledger",
    "public_keys",
    "read_colour",
    "read_timestamp",
    "readable_on",
    "readmit_companions",
    "rebuild_states",
    "record",
    "record_many",
    "record_own_statement",
    "record_statement",
    "redacted",
    "redacted_text",
    "refuse_laxer_terms",
    "refuse_mail",
    "refuse_request",
    "remove_expired",
    "remove_old_callbacks",
    "replay_journal",
    "request_guardian",
    "request_link",
    "request_opt_in",
    "request_timestamp",
    "resume_held_back",
    "retained_events",
    "save_controller",
    "save_letter",
    "seal_ledger",
    "send_callbacks",
    "send_confirmations",
    "send_letter",
    "send_links",
    "signed_proof",
    "signed_receipt",
    "spellings",
    "stop_request",
    "suppress",
    "suppressions_of",
    "sweep_traces",
    "take_archive",
    "take_up_subject_requests",
    "tell_of_broken_glass",
    "tell_of_deadlines",
    "terms_of",
    "terms_with_changes",
    "time_left",
    "unsubscribe",
    "unsubscribe_links",
    "verify_chain",
    "verify_digests",
    "verify_request",
    "verify_states",
    "waiting_archives",
    "waiting_bulks",
    "welcome_back",
    "wrap_suppressions",
]
