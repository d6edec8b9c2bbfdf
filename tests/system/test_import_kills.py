"""Killing whoever imports a file, wherever it is: each row ends once."""

import pytest
from django.db import connections

from ingestion.drain import checkpoints as drain_places
from ingestion.imports import checkpoints
from ingestion.models import FileImport, ImportPart, InboxRow
from ingestion.services import drain_inbox, finish_import, start_import
from profiles.lib.database import database_now
from profiles.models import Event
from tests.factories import TESTER, profile_of
from tests.ingestion.files import ORDERS, csv_of, ends_of, upload
from tests.system.concurrency import at_once, die_at
from tests.system.soundness import expire_leases

pytestmark = pytest.mark.usefixtures("committing_db")
COLUMNS = ("No", "Date", "Montant")
ROWS = 5_000  # three parts
BAD = 50


def started_orders() -> FileImport:
    """Start a file with rows that are equal across its parts, and one bad row in a hundred."""
    rows = [
        (f"c{n % 7}", "05/01/2025", "ten" if n % 100 == 0 else f"{n % 50},00") for n in range(ROWS)
    ]
    return start_import(upload(csv_of(COLUMNS, *rows, delimiter=";")), ORDERS, actor=TESTER)


def expire_all() -> None:
    expire_leases()
    FileImport.objects.filter(lease__isnull=False).update(leased_until=database_now())


def assert_whole(file_import: FileImport) -> None:
    file_import.refresh_from_db()
    assert file_import.status == "done"
    assert ends_of(file_import) == {"rows": ROWS, "stored": ROWS - BAD, "refused": BAD}
    assert file_import.refused_rows.count() == BAD
    assert Event.objects.count() == ROWS - BAD
    assert profile_of("user_id:c3")
    assert not ImportPart.objects.exists()
    assert not InboxRow.objects.exists()


@pytest.mark.parametrize("checkpoint", checkpoints.ALL)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_reader_that_is_killed_is_followed_by_one_that_reads_on(
    checkpoint: str, turn: int
) -> None:
    file_import = started_orders()
    turns = []

    def is_turn(_: object) -> bool:
        turns.append(1)
        return len(turns) == turn

    once = checkpoint in (checkpoints.CLAIMED, checkpoints.READ, checkpoints.FINISHED)
    if once and turn > 1:
        pytest.skip("It is reached once.")
    die_at(checkpoint, lambda: finish_import(file_import, drain_inbox), when=is_turn)
    expire_all()
    finish_import(file_import, drain_inbox)
    assert_whole(file_import)


@pytest.mark.parametrize(
    "checkpoint", [drain_places.TAKEN, drain_places.APPLIED, drain_places.FINISHED]
)
def test_a_drain_that_is_killed_counts_no_row_twice(checkpoint: str) -> None:
    file_import = started_orders()
    die_at(checkpoint, lambda: finish_import(file_import, drain_inbox))
    expire_all()
    finish_import(file_import, drain_inbox)
    assert_whole(file_import)


def test_two_that_import_one_file_at_once_share_it() -> None:
    file_import = started_orders()

    def work() -> None:
        finish_import(FileImport.objects.get(pk=file_import.pk), drain_inbox)
        connections.close_all()

    at_once(work, work)
    assert_whole(file_import)


def test_a_reader_that_lost_its_lease_writes_nothing_more() -> None:
    file_import = started_orders()
    FileImport.objects.filter(pk=file_import.pk).update(status="cancelled")
    finish_import(file_import, drain_inbox)
    assert not InboxRow.objects.exists()
    assert file_import.chunks == 0
