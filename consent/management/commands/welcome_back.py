"""Lifts the suppression of a person who wants to come back, on proof that staff have seen.

The identifiers are read from standard input, one `namespace:value` a line: they are nowhere else
any more, and belong in no history of commands.
"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consent.services import welcome_back
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.services import Actor


class Command(BaseCommand):
    help = "Stores an erased person again; identifiers on standard input, one a line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--proof", required=True, help="What shows that the person wants it.")

    def handle(self, *args: Any, **options: Any) -> None:
        references = sys.stdin.read().split()
        try:
            is_lifted = welcome_back(
                references, actor=Actor.system("welcome_back"), reason=options["proof"]
            )
        except InvalidIdentifier as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Lifted." if is_lifted else "None of them is suppressed.")
