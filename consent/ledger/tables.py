"""What the ledger consists of in the database; none of it may be changed once it is written."""

from consent.models import (
    ConsentEvent,
    LedgerPruning,
    LedgerSeal,
    NoticeVersion,
    PrunedLink,
    PurposeVersion,
)

# To what the application appends, and what only the function below writes.
APPENDED_TABLES = [
    model._meta.db_table for model in (ConsentEvent, LedgerSeal, PurposeVersion, NoticeVersion)
]
PRUNING_TABLES = [model._meta.db_table for model in (LedgerPruning, PrunedLink)]
LEDGER_TABLES = [*APPENDED_TABLES, *PRUNING_TABLES]
LEDGER_SEQUENCES = ["consent_event_seq"]
# By which the application prunes: it runs with the rights of its owner.
PRUNING_FUNCTION = "consent_prune_ledger"
