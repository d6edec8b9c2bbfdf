"""Whether one profile may be processed for one purpose: the rules, pure. `consent.ledger.sql.PERMITTED` is the same for sets.

Invariant: what is not plainly permitted is refused; expiry is judged when asked, so no worker has to run for it.
"""

from dataclasses import dataclass
from datetime import datetime

from consent.ledger.fold import PERMITTING, REQUESTED, StateRow

CONSENT_BASIS = "consent"
OBJECTABLE_BASES = frozenset({"consent", "legitimate_interest", "public_task"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gate reads of a purpose."""

    legal_basis: str
    is_direct_marketing: bool
    minimum_version: int


def permits(terms: Terms, row: StateRow, *, is_restricted: bool, at: datetime) -> bool:
    """Whether the purpose permits at this moment; `row` is the profile's state, the empty one where there is none."""
    if is_restricted or (row.is_objected and _can_be_objected(terms)):
        return False
    if terms.legal_basis != CONSENT_BASIS:
        return True
    is_valid = row.valid_until is None or at < row.valid_until
    return row.state in PERMITTING and row.version >= terms.minimum_version and is_valid


def shown_state(terms: Terms, row: StateRow) -> str:
    """The state as people see it: consent to a text that has changed in substance has to be asked for again."""
    is_outdated = row.state in PERMITTING and row.version < terms.minimum_version
    return REQUESTED if is_outdated else row.state


def _can_be_objected(terms: Terms) -> bool:
    """Article 21: public task and legitimate interest, and whatever is direct marketing; consent yields as well."""
    return terms.is_direct_marketing or terms.legal_basis in OBJECTABLE_BASES
