"""What this app holds about people: how it is shown, moved and erased."""

from consent.models import (
    Controller,
    DeadlineAlert,
    LetterModel,
    NoticeVersion,
    Purpose,
    PurposeVersion,
    RetentionForecast,
    RetentionRule,
    RetentionRuleVersion,
    RetentionRun,
    SuppressionKeyCheck,
)

# In this order people are shown what there is.
from consent.personal_data import bounces, casework, holds, ledger, requests, suppression
from profiles.registry import registry

__all__ = ["bounces", "casework", "holds", "ledger", "requests", "suppression"]

registry.exempt(
    {
        Controller: "Names a company.",
        DeadlineAlert: "When staff were told of a deadline.",
        LetterModel: "Words without values.",
        NoticeVersion: "The words that people are shown.",
        Purpose: "What data are processed for.",
        PurposeVersion: "What a purpose said from a time on.",
        RetentionForecast: "Numbers of rows and people, without a value of anybody.",
        RetentionRule: "Which data a purpose keeps.",
        RetentionRuleVersion: "How long it keeps them, from a time on.",
        RetentionRun: "How far a deletion is, and how many rows it took.",
        SuppressionKeyCheck: "A known text hashed under each key, to know the key again.",
    }
)
