"""Compare people now, in this process, and propose pairs that may be one person."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from profiles.lib.moments import moment
from profiles.matching.propose import propose_matches


class Command(BaseCommand):
    help = (
        "Compare people and propose pairs of profiles that may be one person: everybody with "
        "everybody, or with --since whoever changed since a time with everybody."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, help="a time such as 2026-03-15T12:00:00Z")

    def handle(self, *args: Any, since: datetime | None, **options: Any) -> None:
        run = propose_matches(since=since, everybody=since is None)
        if run.refusal:
            why = run.model.get_refusal_display()
            self.stdout.write(f"Nothing is proposed: {why} ({run.compared} people).")
            return
        self.stdout.write(
            f"{run.compared} people compared by {', '.join(run.model.fields)}: {run.scored} pairs "
            f"are alike, {run.written} of them new or changed, {run.accepted} accepted by itself."
        )
