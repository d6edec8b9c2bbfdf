"""All writes of consent and of people's rights, and the gate: one transaction each, with the actor named."""

from consent.customers.links import request_link, send_links
from consent.customers.sessions import OpenedSession, open_session, session_of
from consent.ledger.proof import consent_proof, verify_digests
from consent.ledger.record import ConsentInput, UnknownPurpose, record, record_many
from consent.ledger.sql import PERMITTED
from consent.ledger.statements import (
    ConsentStatement,
    Suppressed,
    UnknownProfile,
    record_own_statement,
    record_statement,
)
from consent.ledger.states import (
    current_states,
    may_process,
    rebuild_states,
    verify_states,
)
from consent.purposes.versions import (
    PurposeTerms,
    add_notice,
    change_purpose,
    define_purpose,
    replaced_terms,
)
from consent.requests.archive import ArchiveGone, data_shown, make_archive, take_archive
from consent.requests.erasure import erase, erase_person
from consent.requests.expiry import remove_expired
from consent.requests.fulfilment import act_on, act_on_requests
from consent.requests.lifecycle import (
    NewRequest,
    WrongStatus,
    cancel_request,
    extend_request,
    open_own_request,
    open_request,
    refuse_request,
    verify_request,
)
from consent.requests.subjects import Subject, own_subject, subject_of
from consent.suppression.keys import SuppressionKeyMissing, check_suppression_key
from consent.suppression.rows import is_suppressed, suppress, suppressed

__all__ = [
    "PERMITTED",
    "ArchiveGone",
    "ConsentInput",
    "ConsentStatement",
    "NewRequest",
    "OpenedSession",
    "PurposeTerms",
    "Subject",
    "Suppressed",
    "SuppressionKeyMissing",
    "UnknownProfile",
    "UnknownPurpose",
    "WrongStatus",
    "act_on",
    "act_on_requests",
    "add_notice",
    "cancel_request",
    "change_purpose",
    "check_suppression_key",
    "consent_proof",
    "current_states",
    "data_shown",
    "define_purpose",
    "erase",
    "erase_person",
    "extend_request",
    "is_suppressed",
    "make_archive",
    "may_process",
    "open_own_request",
    "open_request",
    "open_session",
    "own_subject",
    "rebuild_states",
    "record",
    "record_many",
    "record_own_statement",
    "record_statement",
    "refuse_request",
    "remove_expired",
    "replaced_terms",
    "request_link",
    "send_links",
    "session_of",
    "subject_of",
    "suppress",
    "suppressed",
    "take_archive",
    "verify_digests",
    "verify_request",
    "verify_states",
]
