"""Create an API key for a service."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

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

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = options["scopes"].replace(",", " ").split()
        try:
            actor = Actor.system("create_api_key")
            key, secret = create_api_key(options["name"], actor=actor, scopes=scopes)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"API key of {key.name}, shown this once. It may: {' '.join(key.scopes)}."
        )
        # Alone on the last line, so that a script can read it with `tail -1`.
        self.stdout.write(secret)
