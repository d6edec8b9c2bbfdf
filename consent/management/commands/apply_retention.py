"""`manage.py apply_retention` deletes what no purpose keeps any more, or counts it."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.services import apply_retention, make_forecast
from profiles.lib.database import database_now
from profiles.lib.moments import moment


class Command(BaseCommand):
    help = "Deletes what has outlived its time by the approved retention rules; counts it first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="counts, and deletes nothing; all rules count"
        )
        parser.add_argument(
            "--at",
            type=moment,
            metavar="TIME",
            help="the day or time at which data are judged, such as 2026-01-31",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        at: datetime = options["at"] or now
        if options["dry_run"]:
            for unit in make_forecast(at=at, now=now).units:
                waiting = "" if unit["is_approved"] else ", once it is approved"
                self.stdout.write(f"{unit['title']}: {unit['rows']} of {unit['people']}{waiting}")
            return
        if at > now:
            raise CommandError("What is judged later is not deleted now: add --dry-run.")
        for unit, count in sorted(apply_retention(now=at).items()):
            self.stdout.write(f"{unit}: {count}")
