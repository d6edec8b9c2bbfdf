"""Who owns what in the database, so that the application cannot change the ledger of consents.

Invariant: where the application and the owner are two roles, the ledger belongs to the owner, and
all else to the application, which makes partitions and indexes while it runs.
"""

from config.ownership.roles import as_owner, ledger_is_protected
from config.ownership.settling import settle_ownership

__all__ = ["as_owner", "ledger_is_protected", "settle_ownership"]
