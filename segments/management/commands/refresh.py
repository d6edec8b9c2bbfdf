"""`manage.py refresh [--at TIME]` does at once, in this process, what workers do for segments."""

from datetime import datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles.lib.moments import moment
from segments.services import MomentError, refresh_changed, refresh_due, resume_rebuilds


class Command(BaseCommand):
    help = "Builds what waits to be built and brings all memberships up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=moment, help="evaluate as of this time (ISO 8601)")

    def handle(self, *args: object, at: datetime | None, **options: object) -> None:
        try:
            rebuilt = resume_rebuilds(now=at)
        except MomentError as error:
            raise CommandError(str(error)) from None
        evaluated = refresh_changed(now=at) + refresh_due(now=at)
        self.stdout.write(f"{rebuilt} rebuilds, {evaluated} profiles evaluated.")
