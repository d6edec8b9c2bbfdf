"""The gate for one profile: whether its data may be processed for one purpose.

Pure: it knows neither Django nor a database. `consent.ledger.sql.PERMITTED` states the same rules
for sets of profiles.

Invariant: what is not plainly permitted is refused. Expiry is judged at the time of the question,
so no worker has to run when a consent expires.
"""

from dataclasses import dataclass
from datetime import datetime

from consent.ledger.fold import PERMITTING, REQUESTED, StateRow

CONSENT_BASIS = "consent"
# Article 21 names public task and legitimate interest; consent can be withdrawn, so it yields too.
OBJECTABLE_BASES = frozenset({"consent", "legitimate_interest", "public_task"})


@dataclass(frozen=True, slots=True)
class GateTerms:
    """The fields of a purpose that the gate reads."""

    legal_basis: str
    is_direct_marketing: bool
    minimum_version: int
    # A no to the purpose that this one replaces is an objection under every basis.
    replaces_another: bool = False


def is_permitted(terms: GateTerms, row: StateRow, *, is_restricted: bool, at: datetime) -> bool:
    """Whether the purpose is permitted at this time.

    `row` is the profile's consent state for the purpose, or an empty StateRow where it has none.
    """
    if is_restricted or (row.is_objected and can_be_objected(terms)):
        return False
    if terms.legal_basis != CONSENT_BASIS:
        return True
    is_valid = row.valid_until is None or at < row.valid_until
    return row.state in PERMITTING and row.version >= terms.minimum_version and is_valid


def displayed_state(terms: GateTerms, row: StateRow) -> str:
    """Return the state to show to people.

    A consent to a version that has since changed in substance shows as `requested`, since it must
    be asked for again.
    """
    is_outdated = row.state in PERMITTING and row.version < terms.minimum_version
    return REQUESTED if is_outdated else row.state


def can_be_objected(terms: GateTerms) -> bool:
    """Whether an objection ends the purpose for the person."""
    is_objectable = terms.legal_basis in OBJECTABLE_BASES
    return terms.is_direct_marketing or is_objectable or terms.replaces_another
