"""The models of this app: purposes, the consent ledger, requests, holds and retention."""

from consent.models.bounces import BouncedAddress
from consent.models.bulk import BulkRequest
from consent.models.confirmations import Confirmation
from consent.models.holds import HeldRow, LegalHold
from consent.models.journal import JournalEntry
from consent.models.ledger import (
    ConsentBody,
    ConsentEvent,
    ConsentKind,
    ConsentState,
    DecidedBy,
    IdempotentAnswer,
    LedgerPruning,
    LedgerSeal,
    Method,
    PrunedLink,
    State,
)
from consent.models.letters import LetterModel
from consent.models.opendsr import Controller, StatusCallback, SubjectRequest
from consent.models.purposes import LegalBasis, NoticeVersion, Purpose, PurposeVersion
from consent.models.requests import (
    AccessArchive,
    DeadlineAlert,
    MailedLink,
    PrivacyRequest,
    RequestAttachment,
    RequestLogEntry,
)
from consent.models.retention import (
    Anchor,
    RetentionForecast,
    RetentionRule,
    RetentionRuleVersion,
    RetentionRun,
)
from consent.models.suppression import SuppressedVerdict, Suppression, SuppressionKeyCheck

__all__ = [
    "AccessArchive",
    "Anchor",
    "BouncedAddress",
    "BulkRequest",
    "Confirmation",
    "ConsentBody",
    "ConsentEvent",
    "ConsentKind",
    "ConsentState",
    "Controller",
    "DeadlineAlert",
    "DecidedBy",
    "HeldRow",
    "IdempotentAnswer",
    "JournalEntry",
    "LedgerPruning",
    "LedgerSeal",
    "LegalBasis",
    "LegalHold",
    "LetterModel",
    "MailedLink",
    "Method",
    "NoticeVersion",
    "PrivacyRequest",
    "PrunedLink",
    "Purpose",
    "PurposeVersion",
    "RequestAttachment",
    "RequestLogEntry",
    "RetentionForecast",
    "RetentionRule",
    "RetentionRuleVersion",
    "RetentionRun",
    "State",
    "StatusCallback",
    "SubjectRequest",
    "SuppressedVerdict",
    "Suppression",
    "SuppressionKeyCheck",
]
