"""The identifiers and profiles that a chunk of facts touches, as rows and as the engine's state.

Invariant: whatever `apply_fact` may read for a fact is loaded before the fact is applied.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from profiles.identifiers import sql as identifiers_sql
from profiles.identifiers.references import Ref, reference_of
from profiles.identity import sql as identity_sql
from profiles.identity.engine import Decisions, IdentityState, Outcome, Rules, Verdict
from profiles.identity.facts import REFUSALS
from profiles.identity.observations import Observation
from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.models import Identifier
from profiles.registry import registry


@dataclass(slots=True)
class IdentifierRow:
    """One identifier as it is stored, or will be. `component` is 0 until a new one is joined."""

    id: int
    profile_id: int | None
    is_vouched: bool
    since: date
    component: int
    last_seen_on: date
    is_quarantined: bool
    is_new: bool = False


class LoadedPeople:
    """Rows by identifier, the engine's state over them, and the outcome of each new fact."""

    def __init__(self, rules: Rules, source_keys: Mapping[int, str], now: datetime) -> None:
        self.rules = rules
        self.source_keys = source_keys
        self.now = now
        self.rows: dict[Ref, IdentifierRow] = {}
        self.state = IdentityState(self._allocate)
        self.decisions = Decisions()
        self.new_profiles: set[int] = set()
        self.outcomes: dict[Observation, Outcome] = {}
        self.survivors: dict[int, int] = {}  # by absorbed profile
        self.refused: dict[Observation, set[int]] = {}  # identifiers that known facts lost
        self._free_profile_ids: list[int] = []

    def load_rows(self, refs: Iterable[Ref]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(identifiers_sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(refs))])
            self._add_rows(cursor.fetchall())

    def new_facts(self, observations: Sequence[Observation]) -> list[Observation]:
        """Return the observations that no stored fact has yet: they are to be judged."""
        digests = array_of(observation.digest for observation in observations)
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.KNOWN_FACTS, [digests])
            known = {digest for (digest,) in cursor.fetchall()}
        self._load_refusals(o for o in observations if o.digest in known)
        return [o for o in observations if o.digest not in known]

    def make_rows(self, facts: Sequence[Observation]) -> None:
        """Make a row for every identifier that is seen for the first time."""
        missing: dict[Ref, date] = {}
        for fact in facts:
            for ref in fact.refs:
                if ref not in self.rows:
                    missing.setdefault(ref, fact.day)
        if not missing:
            return
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.NEXT_IDENTIFIER_IDS, [len(missing)])
            ids = [identifier_id for (identifier_id,) in cursor.fetchall()]
        for (ref, day), identifier_id in zip(missing.items(), ids, strict=True):
            self.rows[ref] = IdentifierRow(
                identifier_id, None, False, day, 0, day, False, is_new=True
            )
        # Before verdicts are loaded: what stood on whoever was erased and is back stands again.
        registry.recognise({reference_of(ref): self.rows[ref].id for ref in missing})

    def load_state(self, facts: Sequence[Observation]) -> None:
        """Load the profiles that the facts name, those tied to them, and the wants of the refs."""
        refs = {ref for fact in facts for ref in fact.refs}
        self._load_profiles_of(refs)
        self._load_decisions()
        with connection.cursor() as cursor:
            ids = array_of(self.rows[ref].id for ref in refs)
            cursor.execute(identity_sql.WANTS_OF_IDENTIFIERS, {"identifiers": ids})
            wants = cursor.fetchall()
            # A fact rarely creates more than one profile. Reversed, since pop() takes from the end,
            # and the smaller id must be the profile created first.
            cursor.execute(identity_sql.NEXT_PROFILE_IDS, [len(facts)])
            self._free_profile_ids = [profile_id for (profile_id,) in reversed(cursor.fetchall())]
        for ref, row in self.rows.items():
            if row.profile_id is not None:
                self.state.assign(ref, row.profile_id, row.is_vouched, row.since)
            if row.is_quarantined:
                self.state.quarantine(ref)
        if wants:
            self._load_wants(wants)

    def _load_profiles_of(self, refs: Iterable[Ref]) -> None:
        profiles = {self.rows[ref].profile_id for ref in refs} - {None}
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.IDENTIFIERS_OF_PROFILES, [array_of(profiles)])
            self._add_rows(cursor.fetchall())

    def _load_decisions(self) -> None:
        """Load the verdicts on all loaded identifiers, and whom "same" ties to them."""
        while True:
            ids = array_of(row.id for row in self.rows.values())
            with connection.cursor() as cursor:
                cursor.execute(identity_sql.DECISIONS_ON_IDENTIFIERS, {"identifiers": ids})
                decided = cursor.fetchall()
            refs = self._refs_of({pk for one, other, *_ in decided for pk in (one, other)})
            verdicts = [Verdict(refs[one], refs[other], *rest) for one, other, *rest in decided]
            tied = {ref for verdict in verdicts if verdict.is_same for ref in verdict[:2]}
            absent = tied - self.rows.keys()
            if not absent:
                self.decisions = Decisions(verdicts)
                return
            self.load_rows(absent)
            self._load_profiles_of(absent & self.rows.keys())

    def final_survivor(self, profile_id: int) -> int:
        """Return the profile that this one is part of after all merges of the chunk."""
        while profile_id in self.survivors:
            profile_id = self.survivors[profile_id]
        return profile_id

    def _add_rows(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for namespace, value, *columns in rows:
            self.rows[Ref(namespace, value)] = IdentifierRow(*columns)

    def _load_refusals(self, known: Iterable[Observation]) -> None:
        """Load what known facts lost to a rule: it is no evidence for their repeats either."""
        # A single ref is never refused.
        observations = {o.digest: o for o in known if len(o.refs) > 1}
        if not observations:
            return
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.REFUSED_IN_FACTS, [array_of(observations), REFUSALS])
            for digest, identifier_id in cursor.fetchall():
                self.refused.setdefault(observations[digest], set()).add(identifier_id)

    def _load_wants(self, wants: Sequence[tuple[int, int, date]]) -> None:
        refs = self._refs_of({pk for wanted, wanter, _ in wants for pk in (wanted, wanter)})
        for wanted, wanter, day in wants:
            self.state.add_want(refs[wanted], refs[wanter], day)

    def _refs_of(self, identifier_ids: Collection[int]) -> dict[int, Ref]:
        """Return the identifiers of these ids, of which new ones are not stored yet."""
        if not identifier_ids:
            return {}
        refs = {row.id: ref for ref, row in self.rows.items() if row.id in identifier_ids}
        absent = Identifier.objects.filter(pk__in=[pk for pk in identifier_ids if pk not in refs])
        for pk, namespace, value in absent.values_list("pk", "namespace", "value"):
            refs[pk] = Ref(namespace, value)
        return refs

    def _allocate(self) -> int:
        profile_id = self._free_profile_ids.pop() if self._free_profile_ids else _next_profile_id()
        self.new_profiles.add(profile_id)
        return profile_id


def _next_profile_id() -> int:
    """Draw one id more, for a fact that also set identifiers apart."""
    with connection.cursor() as cursor:
        cursor.execute(identity_sql.NEXT_PROFILE_IDS, [1])
        ((profile_id,),) = cursor.fetchall()
        return int(profile_id)
