"""The benchmarks: what each measures, in which size, and against which floor."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from benchmarks import (
    activating,
    counting,
    erasing,
    exporting,
    importing,
    joining,
    proposing,
    refreshing,
    store,
    suppressing,
)
from benchmarks.accepting import accept_rate, web_server
from benchmarks.base import write_base
from benchmarks.report import Measure
from benchmarks.world import BATCH, STRANGERS, World, with_user_agent
from ingestion.enrichment.apply import Enrichments
from profiles.models import Source


@dataclass(frozen=True, slots=True)
class Size:
    """How much is stored before anything is measured, and how much comes in each round.

    The marks are for the ratios of draining to COPY, which fall with the size of the store.
    """

    name: str
    people: int
    stored_events: int
    stored_messages: int
    round_messages: int
    rounds: int
    imported_rows: int
    drain_mark: float
    strangers_mark: float


QUICK = Size(
    name="1 million stored events of 200,000 people",
    people=200_000,
    stored_events=1_000_000,
    stored_messages=40_000,
    round_messages=20_000,
    rounds=3,
    imported_rows=20_000,
    drain_mark=0.10,
    strangers_mark=0.055,
)
LONG = Size(
    name="20 million stored events of 1 million people",
    people=1_000_000,
    stored_events=20_000_000,
    stored_messages=500_000,
    round_messages=100_000,
    rounds=5,
    imported_rows=1_000_000,
    drain_mark=0.08,
    strangers_mark=0.04,
)


def run(names: list[str], size: Size) -> list[Measure]:
    """Build the store once, then run each benchmark, alternating product and floor."""
    store.make_database()
    source, key = store.make_source()
    world = World(people=size.people)
    print(f"storing {size.stored_events:,} events of {size.people:,} people …", flush=True)
    write_base(source, people=size.people, events=size.stored_events)
    print(f"draining {size.stored_messages:,} messages …", flush=True)
    store.load(source, world.bodies(size.stored_messages), BATCH)
    refreshing.make_segments()
    measures: list[Measure] = []
    for name in names:
        measured = RUNS[name](size, world, source, key)
        measures += measured if isinstance(measured, list) else [measured]
    return measures


def measure_accept(size: Size, world: World, source: Source, key: str) -> Measure:
    measure = Measure("accept over HTTP, durable", _copy_floor("bodies"), "events/s", 0.25)
    blocks = store.copy_blocks(size.round_messages)
    with web_server(_database_url()) as port:
        # The first requests open connections and load code.
        accept_rate(port, key, world.bodies(20 * BATCH))
        for _ in range(size.rounds):
            measure.values.append(accept_rate(port, key, world.bodies(size.round_messages)))
            measure.floors.append(store.copy_rate(blocks))
    return measure


def measure_drain(size: Size, world: World, source: Source, key: str) -> Measure:
    name = "end to end, inbox to profile"
    measure = Measure(name, _copy_floor("messages"), "events/s", size.drain_mark)
    return _end_to_end(measure, size, world, source)


def measure_strangers(size: Size, world: World, source: Source, key: str) -> Measure:
    name = "the same, each of somebody new"
    measure = Measure(name, _copy_floor("messages"), "events/s", size.strangers_mark)
    strangers = World(seed=world.seed + 1, people=size.people, traffic=STRANGERS)
    return _end_to_end(measure, size, strangers, source)


def _end_to_end(measure: Measure, size: Size, world: World, source: Source) -> Measure:
    blocks = store.copy_blocks(size.round_messages)
    for _ in range(size.rounds):
        store.fill_inbox(source, world.bodies(size.round_messages), BATCH)
        measure.values.append(size.round_messages / store.drain_seconds())
        measure.floors.append(store.copy_rate(blocks))
    return measure


def measure_suppressed(size: Size, world: World, source: Source, key: str) -> Measure:
    name = f"the same, {suppressing.SUPPRESSED_PEOPLE:,} suppressed"
    measure = Measure(name, "the same traffic, nobody suppressed", "events/CPU s", 0.95)
    suppressing.suppress_people()
    # The difference is less than what one round differs from the next, so there are more of them.
    for turn in range(4 * size.rounds):
        # Who comes second drains into a larger store, so they take turns.
        for is_full in (turn % 2 == 1, turn % 2 == 0):
            store.fill_inbox(source, world.bodies(size.round_messages), BATCH)
            rates = measure.values if is_full else measure.floors
            with suppressing.full_list() if is_full else nullcontext():
                rates.append(size.round_messages / suppressing.drain_cpu_seconds())
    return measure


def measure_enriched(size: Size, world: World, source: Source, key: str) -> Measure:
    measure = Measure("the same, with enrichment", "the same traffic without", "events/s", 0.9)
    # As a process that has run for a while: the forked workers have code and patterns from here.
    context = '{"userAgent":"Mozilla/5.0","locale":"fr-FR"}'
    Enrichments().context(context, timezone.now(), has_address=False)
    for turn in range(2 * size.rounds):
        # Who comes second drains into a larger store, so they take turns.
        for is_on in (turn % 2 == 1, turn % 2 == 0):
            bodies = [
                with_user_agent(body, n) for n, body in enumerate(world.bodies(size.round_messages))
            ]
            store.fill_inbox(source, bodies, BATCH)
            rates = measure.values if is_on else measure.floors
            enrichments = settings.ENRICHMENTS if is_on else []
            # The forked workers have it from here.
            with override_settings(ENRICHMENTS=enrichments):
                rates.append(size.round_messages / store.drain_seconds())
    return measure


def measure_refresh(size: Size, world: World, source: Source, key: str) -> Measure:
    floor = f"full recompute of the {refreshing.SEGMENT_COUNT} segments"
    name = f"{refreshing.SEGMENT_COUNT} segments, 1,000 changed profiles"
    measure = Measure(name, floor, "s", 0.03, is_larger_better=False)
    refreshing.refresh_everything()
    for _ in range(size.rounds):
        measure.values.append(refreshing.changed_seconds(1000))
        measure.floors.append(refreshing.full_seconds())
    return measure


def measure_segments(size: Size, world: World, source: Source, key: str) -> list[Measure]:
    """Return a row for each kind beside DuckDB, and their sums beside it and beside SQL by hand."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    measures = {
        kind: Measure(f"count: {kind}", "DuckDB over the same rows", "s", None)
        for kind in counting.DEFINITIONS
    }
    beside = {
        "duckdb": Measure("count: all five", "DuckDB over the same rows", "s", 3.0, False),
        "by hand": Measure("count: all five", "SQL written by hand", "s", 1.2, False),
    }
    with counting.counters() as ways:
        for _ in range(size.rounds):
            rounds = {kind: counting.seconds_of(ways, kind) for kind in measures}
            for kind, seconds in rounds.items():
                measures[kind].values.append(seconds["compiled"])
                measures[kind].floors.append(seconds["duckdb"])
            for way, measure in beside.items():
                measure.values.append(sum(seconds["compiled"] for seconds in rounds.values()))
                measure.floors.append(sum(seconds[way] for seconds in rounds.values()))
    return [*measures.values(), *beside.values()]


def measure_imports(size: Size, world: World, source: Source, key: str) -> list[Measure]:
    """Return the rate of a file of people with consents, and its memory beside a tenth of it."""
    floor = "COPY of as many events into a bare table, for the rows"
    rate = Measure("a file of people and consents", floor, "rows/s", 0.04)
    memory = Measure("the same, memory at its peak", "for a tenth", "MB", 1.25, False)
    importing.make_purpose()
    tenth = size.imported_rows // 10
    importing.forget_peak()
    importing.import_people(source, first=0, rows=tenth)
    memory.floors.append(importing.peak_megabytes())
    importing.forget_peak()
    rate.values.append(importing.import_people(source, first=tenth, rows=size.imported_rows))
    memory.values.append(importing.peak_megabytes())
    rate.floors.append(store.copy_rate(store.copy_blocks(size.round_messages)))
    return [rate, memory]


RUNS: dict[str, Callable[[Size, World, Source, str], Measure | list[Measure]]] = {
    "accept": measure_accept,
    "drain": measure_drain,
    "strangers": measure_strangers,
    "suppressed": measure_suppressed,
    "enriched": measure_enriched,
    "imports": measure_imports,
    "refresh": measure_refresh,
    "segments": measure_segments,
}


# Benchmarks that make stores of their own. The first two need what benchmarks/requirements.txt has.
OWN_STORES: dict[str, Callable[..., list[Measure]]] = {
    "proposals": proposing.measure_proposals,
    "joining": joining.measure_joining,
    "activation": activating.measure_activation,
    "erasures": erasing.measure_erasures,
    "exports": exporting.measure_exports,
}


def run_alone(names: list[str], *, is_quick: bool) -> list[Measure]:
    """Run the benchmarks that need no common store."""
    return [
        measure
        for name in names
        if name in OWN_STORES
        for measure in OWN_STORES[name](is_quick=is_quick)
    ]


def _copy_floor(what: str) -> str:
    return f"COPY of as many events into a bare table, for the {what} of the same world"


def _database_url() -> str:
    """Return the URL of the benchmark's database, for another process."""
    settings = connection.settings_dict
    host, port = settings["HOST"], settings["PORT"] or 5432
    # The directory of a socket stands quoted in a URL.
    if host.startswith("/"):
        host = host.replace("/", "%2F")
    user, password = settings["USER"], settings["PASSWORD"]
    return f"postgres://{user}:{password}@{host}:{port}/{settings['NAME']}"
