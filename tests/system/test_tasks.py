"""Tasks may run twice, at once, and again: each comes to the same."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from psycopg import sql

from config.celery import app
from consent.models import PrivacyRequest
from segments.models import Membership, Segment
from segments.services import update_segment
from tests.factories import TESTER, accept_only, make_purpose, send_messages
from tests.system.concurrency import at_once
from tests.system.people import VALUES, ask_for_erasure, message_of_ada
from tests.system.soundness import assert_exactly_once, assert_sound
from tests.system.traces import tables_with
from tests.system.traffic import BUYERS, LYON, ROME, events_among, make_live_segment, messages

pytestmark = pytest.mark.usefixtures("committing_db")

TASKS = (
    "consent.act_on_requests",
    "consent.apply_retention",
    "consent.give_to_journal",
    "consent.prune_ledger",
    "consent.remove_expired",
    "consent.send_callbacks",
    "consent.send_links",
    "consent.sweep_traces",
    "consent.seal_ledger",
    "consent.tell_of_deadlines",
    "consent.verify_states",
    "ingestion.drain_inbox",
    "ingestion.expire_imports",
    "ingestion.fold_schema",
    "ingestion.prune_counts",
    "ingestion.read_imports",
    "ingestion.read_sql_sources",
    "profiles.apply_rules",
    "matching.propose",
    "profiles.clear_sessions",
    "profiles.make_partitions",
    "profiles.measure_health",
    "profiles.prune_audit",
    "profiles.set_special_apart",
    "segments.advance_automations",
    "segments.deliver",
    "segments.derive_told",
    "segments.keep_webhooks",
    "segments.rebuild",
    "segments.refresh_changed",
    "segments.refresh_due",
    "segments.refresh_woken",
    "segments.resume_rebuilds",
    "segments.send_automation_mails",
    "segments.start_by_date",
    "segments.stop_silent_exports",
    "segments.verify",
)
# Their rows have the time of the last refresh or measurement, which every run changes.
TABLES_WITH_CLOCKS = ("segments_segment", "segments_segmentsize")


def test_every_task_run_twice_and_at_once_changes_nothing() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)
    make_purpose()
    segment = make_live_segment("town", LYON)
    make_live_segment("buyers", BUYERS)
    send_messages(message_of_ada(0), *messages(0, 300))
    ask_for_erasure()
    update_segment(segment, actor=TESTER, changes={"definition": ROME})
    for first in range(300, 500, 10):
        accept_only(message_of_ada(first), *messages(first, first + 10))

    def run(name: str) -> Callable[[], object]:
        arguments = [segment.pk] if name == "segments.rebuild" else []
        return lambda: app.tasks[name](*arguments)

    at_once(*(run(name) for name in TASKS for _ in range(2)))
    for name in TASKS:
        at_once(run(name), run(name))
    assert tables_with(*VALUES) == {}
    request = PrivacyRequest.objects.get()
    steps = list(request.log.values_list("status", flat=True))
    assert (request.status, request.attempts) == ("done", 0)
    assert len(steps) == len(set(steps))
    sent = range(500)
    assert_exactly_once(events_among(sent), messages=len(sent) + 21)
    assert_sound()
    before = dict(_table_digests())
    for name in TASKS:
        at_once(run(name), run(name))
    assert dict(_table_digests()) == before
    assert (
        Segment.objects.get(key="town").size == Membership.objects.filter(segment=segment).count()
    )


def _table_digests() -> Iterator[tuple[str, object]]:
    """Yield each table with the number of its rows and a digest of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition AND NOT relname = ANY(%s)",
            [list(TABLES_WITH_CLOCKS)],
        )
        for (table,) in cursor.fetchall():
            # The sum does not depend on the order of rows.
            digest = "SELECT count(*), sum(hashtextextended(r::text, 0)) FROM {} r"
            cursor.execute(sql.SQL(digest).format(sql.Identifier(table)))
            yield table, cursor.fetchone()
