"""Importing a file of people with their consents, and the memory that it takes."""

import csv
import gc
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from django.db import connection
from django.utils import timezone

from benchmarks.store import BENCHMARK, timed
from config.celery import tune_garbage_collector
from consent.services import PurposeTerms, define_purpose
from ingestion.models import FileImport
from ingestion.services import (
    MAX_PART_BYTES,
    add_part,
    begin_import,
    drain_inbox,
    finish_import,
    start_import,
)
from profiles.models import Source

MAPPING = {
    "call": "identify",
    "columns": {
        "No": "user_id",
        "Mail": "email",
        "City": "traits.city",
        "Since": "timestamp",
        "Newsletter": "consents.newsletter",
    },
    "evidence": {"text": "Keep me informed by e-mail."},
}
PAUSE = 0.05


def make_purpose() -> None:
    terms = PurposeTerms(title="Newsletter", text="By e-mail.", legal_basis="consent")
    define_purpose(key="newsletter", terms=terms, now=timezone.now(), actor=BENCHMARK)


def import_people(source: Source, *, first: int, rows: int) -> float:
    """Import so many people whom nobody has seen; return the rows a second.

    One process reads the file and drains what waits too long, another drains all the while, as a
    worker of each kind does.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        _write(path, first, rows)
        file_import = _upload(source, path)
        file_import = start_import(file_import, MAPPING, actor=BENCHMARK)
        with timed() as timing, _other_worker():
            finish_import(file_import, drain_inbox)
    file_import.refresh_from_db()
    if (file_import.status, file_import.stored) != (FileImport.Status.DONE, rows):
        raise RuntimeError(f"{file_import.status}: {file_import.stored} of {rows} rows are stored")
    return rows / timing.seconds


def forget_peak() -> None:
    """Let the peak of memory be that of now: earlier benchmarks of this process had more."""
    gc.collect()
    # The kernel's word for "the peak of the resident set" (proc(5)).
    Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """Return the most memory that this process had since `forget_peak`, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _write(path: Path, first: int, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(MAPPING["columns"])
        for number in range(first, first + rows):
            mail = f"imported{number}@mail.example.org"
            permits = "yes" if number % 2 else "no"
            writer.writerow([f"i-{number}", mail, "Lyon", "2026-01-31T10:00:00Z", permits])


def _upload(source: Source, path: Path) -> FileImport:
    file_import = begin_import(source, path.name, path.stat().st_size, actor=BENCHMARK)
    with path.open("rb") as file:
        while piece := file.read(MAX_PART_BYTES):
            file_import = add_part(file_import, file.tell() - len(piece), piece, actor=BENCHMARK)
    return file_import


@contextmanager
def _other_worker() -> Iterator[None]:
    """Have another process drain while the block lasts."""
    # Forked processes must not share the connection.
    connection.close()
    context = multiprocessing.get_context("fork")
    is_over = context.Event()
    worker = context.Process(target=_drain, args=(is_over,))
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()
    if worker.exitcode:
        raise RuntimeError("a worker failed")


def _drain(is_over: Event) -> None:
    tune_garbage_collector()
    while not is_over.wait(PAUSE):
        drain_inbox()
