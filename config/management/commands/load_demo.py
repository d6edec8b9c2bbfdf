"""`manage.py load_demo`: load the demo, or finish a load that was interrupted."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from tqdm import tqdm

from config.demo.cdnow import CUSTOMERS
from config.demo.loading import Loaded, is_loaded, load_demo
from config.demo.progress import end_progress, note_progress
from config.demo.sending import Report
from profiles.lib.database import database_now
from profiles.lib.moments import moment

# How many lines of progress there are without a terminal.
PROGRESS_LINES = 10


class Command(BaseCommand):
    """Load the demo, print the progress, and then what was loaded."""

    help = (
        "Loads the demo: CDNOW's purchases, "
        "and the same people in a newsletter, a CRM and on a website."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--customers",
            type=int,
            default=CUSTOMERS,
            help=f"a sample of so many of the {CUSTOMERS} customers",
        )
        parser.add_argument(
            "--now",
            type=moment,
            help="an ISO 8601 time, not in the future: "
            "the last purchase is on the day before (default: now)",
        )

    def handle(self, *, customers: int, now: datetime | None, **options: object) -> None:
        if not 1 <= customers <= CUSTOMERS:
            raise CommandError(f"--customers is from 1 to {CUSTOMERS}.")
        if now is not None and now > database_now():
            raise CommandError("--now is a time that has come.")
        if is_loaded():
            self.stdout.write("The demo is loaded already.")
            return
        started = time.monotonic()
        try:
            with _progress(self.stdout) as report:
                loaded = load_demo(customers=customers, now=now, report=_noting(report))
        finally:
            end_progress()
        self._summarise(loaded, time.monotonic() - started)

    def _summarise(self, loaded: Loaded, seconds: float) -> None:
        self.stdout.write(
            f"{loaded.messages:,} messages told of {loaded.people:,} people, "
            f"after {loaded.merges:,} merges, in {seconds:.0f} seconds. "
            f"{len(loaded.sizes)} segments:"
        )
        for name, size in loaded.sizes:
            self.stdout.write(f"{size:>9,}  {name}")


@contextmanager
def _progress(output: OutputWrapper) -> Iterator[Report]:
    """Give a function that reports progress: as a bar on a terminal, elsewhere in a few lines."""
    # tqdm draws its bar on stderr.
    if not (output.isatty() and sys.stderr.isatty()):
        yield _ProgressLines(output).report
        return
    with tqdm(desc="Demo", unit=" messages", unit_scale=True) as bar:

        def report(sent: int, total: int) -> None:
            # The total is known only after the messages have been made.
            bar.total = total
            bar.update(sent - bar.n)

        yield report


def _noting(report: Report) -> Report:
    """Return a function that reports progress, and keeps it for the site that serves meanwhile."""

    def note_and_report(sent: int, total: int) -> None:
        note_progress(sent, total)
        report(sent, total)

    return note_and_report


class _ProgressLines:
    def __init__(self, output: OutputWrapper) -> None:
        self.output = output
        self.printed = 0

    def report(self, sent: int, total: int) -> None:
        due = sent * PROGRESS_LINES // total
        if due > self.printed:
            self.printed = due
            self.output.write(f"Demo: {sent:,} of {total:,} messages")
