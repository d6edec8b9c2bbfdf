"""The people that a chunk of facts touches, as the database has them and as the engine sees them.

Invariant: whatever `profiles.identity.apply` may read for a fact is loaded before it is applied.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from profiles.identifiers import sql as identifiers_sql
from profiles.identifiers.references import Ref
from profiles.identity import sql as identity_sql
from profiles.identity.engine import Decisions, IdentityState, Outcome, RefusalRule, Rules
from profiles.identity.observations import Observation, fact_digest
from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.models import Identifier


@dataclass(slots=True)
class IdentifierRow:
    """One identifier as the database has it, or will have it: `component` is 0 until a new one has joined others."""

    id: int
    profile_id: int | None
    is_vouched: bool
    since: date
    component: int
    last_seen_on: date
    is_quarantined: bool
    is_new: bool = False


class NewFact(NamedTuple):
    """A sighting that was not judged before, and the name of the fact that it is."""

    sighting: Observation
    digest: str


class LoadedPeople:
    """Rows by identifier, the engine's state over them, and what each new fact did."""

    def __init__(self, rules: Rules, source_keys: Mapping[int, str], now: datetime) -> None:
        self.rules = rules
        self.source_keys = source_keys
        self.now = now
        self.rows: dict[Ref, IdentifierRow] = {}
        self.state = IdentityState(self._allocate)
        self.new_profiles: set[int] = set()
        self.outcomes: dict[Observation, Outcome] = {}
        self.survivors: dict[int, int] = {}
        self.refused: dict[Observation, set[int]] = {}
        self._numbers: list[int] = []

    def load_rows(self, refs: Iterable[Ref]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(identifiers_sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(refs))])
            self._keep_rows(cursor.fetchall())

    def new_facts(self, sightings: Sequence[Observation]) -> list[NewFact]:
        """The sightings that no fact on record tells already."""
        facts = [NewFact(sighting, fact_digest(sighting)) for sighting in sightings]
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.KNOWN_FACTS, [array_of(fact.digest for fact in facts)])
            known = {digest for (digest,) in cursor.fetchall()}
        self._load_refusals([fact for fact in facts if fact.digest in known])
        return [fact for fact in facts if fact.digest not in known]

    def make_rows(self, facts: Sequence[NewFact]) -> None:
        """A row for every identifier that is named for the first time."""
        missing: dict[Ref, date] = {}
        for fact in facts:
            for ref in fact.sighting.refs:
                if ref not in self.rows:
                    missing.setdefault(ref, fact.sighting.day)
        if not missing:
            return
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.IDENTIFIER_NUMBERS, [len(missing)])
            for (ref, day), (number,) in zip(missing.items(), cursor.fetchall(), strict=True):
                self.rows[ref] = IdentifierRow(number, None, False, day, 0, day, False, is_new=True)

    def load_state(self, facts: Sequence[NewFact]) -> None:
        """All that the profiles named by the facts hold, and the wants of the identifiers named."""
        named = {ref for fact in facts for ref in fact.sighting.refs}
        profiles = {self.rows[ref].profile_id for ref in named} - {None}
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.IDENTIFIERS_OF_PROFILES, [array_of(profiles)])
            self._keep_rows(cursor.fetchall())
            cursor.execute(identity_sql.WANTS, [array_of(self.rows[ref].id for ref in named)])
            wants = cursor.fetchall()
            cursor.execute(identity_sql.PROFILE_NUMBERS, [len(facts)])
            self._numbers = [number for (number,) in reversed(cursor.fetchall())]
        for ref, row in self.rows.items():
            if row.profile_id is not None:
                self.state.hold(ref, row.profile_id, row.is_vouched, row.since)
            if row.is_quarantined:
                self.state.quarantine(ref)
        self._load_wants(wants)

    def decisions(self) -> Decisions:
        """What staff decided about any identifier in sight."""
        ids = array_of(row.id for row in self.rows.values())
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.DECISIONS, {"identifiers": ids})
            found = cursor.fetchall()
        return Decisions((Ref(*pair[:2]), Ref(*pair[2:])) for pair in found)

    def final(self, profile: int) -> int:
        """Where a profile ended once all merges of the chunk are done."""
        while profile in self.survivors:
            profile = self.survivors[profile]
        return profile

    def _keep_rows(self, found: Iterable[tuple[Any, ...]]) -> None:
        for namespace, value, *columns in found:
            self.rows[Ref(namespace, value)] = IdentifierRow(*columns)

    def _load_refusals(self, known: Iterable[NewFact]) -> None:
        """What each fact that was judged before lost to a rule: it is no evidence for its repeats either."""
        sightings = {fact.digest: fact.sighting for fact in known if len(fact.sighting.refs) > 1}
        if not sightings:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                identity_sql.REFUSED_IN_FACTS, [array_of(sightings), list(map(str, RefusalRule))]
            )
            for digest, identifier in cursor.fetchall():
                self.refused.setdefault(sightings[digest], set()).add(identifier)

    def _load_wants(self, wants: Sequence[tuple[int, int, date]]) -> None:
        by_id = {row.id: ref for ref, row in self.rows.items()}
        absent = {wanter for _, wanter, _ in wants} - by_id.keys()
        for identifier in Identifier.objects.filter(pk__in=absent):
            by_id[identifier.pk] = Ref(identifier.namespace, identifier.value)
        for wanted, wanter, day in wants:
            self.state.want(by_id[wanted], by_id[wanter], day)

    def _allocate(self) -> int:
        number = self._numbers.pop()
        self.new_profiles.add(number)
        return number
