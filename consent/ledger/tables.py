"""What the ledger consists of in the database; none of it may be changed once it is written."""

from consent.models import ConsentEvent, LedgerSeal, NoticeVersion, PurposeVersion

LEDGER_TABLES = [
    model._meta.db_table for model in (ConsentEvent, LedgerSeal, PurposeVersion, NoticeVersion)
]
LEDGER_SEQUENCES = ["consent_event_seq"]
