"""Create an API key for a service."""

from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from profiles.lib.moments import moment
from profiles.models.access import Scope
from profiles.services import Actor, create_api_key


class Command(BaseCommand):
    help = (
        "Make an API key and print it once, alone on the last line. "
        f"Scopes: {' '.join(Scope.values)}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Which service the key is for.")
        parser.add_argument(
            "--scopes", required=True, help='What it may do, as in "profiles:read".'
        )

        parser.add_argument(
            "--expires",
            type=_end,
            metavar="DATE",
            help="When it ends: the last day on which it works, or a time such as "
            "2027-01-31T12:00:00Z. Without it, the key has no end.",
        )

        parser.add_argument(
            "--purpose",
            dest="purposes",
            action="append",
            default=[],
            metavar="KEY",
            help="Bind the key: it reads a person only while this is permitted; may be repeated.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = options["scopes"].replace(",", " ").split()
        try:
            actor = Actor.system("create_api_key")
            key, secret = create_api_key(
                options["name"],
                actor=actor,
                scopes=scopes,
                expires_at=options["expires"],
                purposes=options["purposes"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"API key of {key.name}, shown this once. It may: {' '.join(key.scopes)}. "
            f"It {f'ends at {key.expires_at.isoformat()}' if key.expires_at else 'has no end'}."
        )
        # Alone on the last line, so that a script can read it with `tail -1`.
        self.stdout.write(secret)


def _end(text: str) -> datetime:
    """Read a time, or a day to its end in the store's time zone. Raises ArgumentTypeError."""
    stated = moment(text)
    is_day = "T" not in text and " " not in text
    return datetime.combine(stated, time.max, stated.tzinfo) if is_day else stated
