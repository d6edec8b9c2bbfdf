"""What is to be written to the ledger: a consent or an objection, as it was stated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from consent.ledger.fold import widens
from consent.models import ConsentKind, DecidedBy, Method, State
from profiles.models import TrustLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentInput:
    """A consent or objection to be written to the ledger.

    `purpose` is a key, or None for an objection to direct marketing as a whole. `valid_until` is
    cut to the validity of the purpose's version, counted from when the consent took effect.
    Without `occurred_at` it was when it was received. `reached` are the identifiers that its giver
    proved, where they are a part of the profile.
    """

    identifier_id: int
    profile_id: int
    purpose: str | None
    state: State
    occurred_at: datetime | None
    received_at: datetime
    actor: DecidedBy
    method: Method
    trust: TrustLevel
    kind: ConsentKind = ConsentKind.CONSENT
    source_id: int | None = None
    notice_id: UUID | None = None
    valid_until: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    recorded_by: str = ""
    reached: Sequence[int] | None = None

    @property
    def dated_at(self) -> datetime | None:
        """When it was stated; None where nobody said so, or an import says what cannot be."""
        at = self.occurred_at
        if at is None or at.tzinfo is None or (self.is_import and at > self.received_at):
            return None
        return at

    @property
    def effective_at(self) -> datetime:
        """The earlier of both times, as in the fold."""
        return min(self.dated_at or self.received_at, self.received_at)

    @property
    def is_import(self) -> bool:
        return self.method == Method.IMPORT or self.actor == DecidedBy.IMPORT

    @property
    def widens(self) -> bool:
        return widens(self.kind, self.state)

    @property
    def ledger_key(self) -> str | None:
        """What the ledger takes once: a browser's signal once for each identifier and purpose."""
        if self.method == Method.GPC:
            return f"gpc:{self.identifier_id}:{self.kind}:{self.purpose}"
        return self.idempotency_key
