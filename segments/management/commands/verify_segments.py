"""`manage.py verify_segments [--at TIME]` prints the drift of segments and computed traits.

Exits with 1 if there is any.
"""

from datetime import datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles.lib.moments import moment
from segments.services import true_shares, verify_computed, verify_memberships


class Command(BaseCommand):
    help = "Evaluates every live segment in full and prints how many memberships differ from it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=moment, help="evaluate as of this time (ISO 8601)")

    def handle(self, *args: object, at: datetime | None, **options: object) -> None:
        drifts = verify_memberships(now=at)
        # Boundaries stay until they are computed anew, and what is above them does not.
        shares = {key: f" ({words})" for key, words in true_shares(now=at).items()}
        for key, drift in drifts.items():
            self.stdout.write(f"{key}: {'failed' if drift is None else drift}{shares.get(key, '')}")
        if drifted := sum(1 for drift in drifts.values() if drift != 0):
            message = f"{drifted} of {len(drifts)} segments have drifted or failed."
            raise CommandError(message, returncode=1)
        computed = verify_computed()
        for key, drift in computed.items():
            self.stdout.write(f"trait {key}: {'failed' if drift is None else drift}")
        if drifted := sum(1 for drift in computed.values() if drift != 0):
            message = f"{drifted} of {len(computed)} computed traits have drifted or failed."
            raise CommandError(message, returncode=1)
        self.stdout.write(f"{len(drifts)} live segments, no drift.")
