"""`manage.py prove_erasure ID` searches all stores for an erased person; exits 1 on a hit."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from consent.models import PrivacyRequest
from consent.services import NotErased, prove_erasure
from profiles.identifiers.normalisers import InvalidIdentifier


class Command(BaseCommand):
    help = (
        "Searches tables, files, logs and Valkey for an erased person, whose values are read from "
        "standard input, one a line; prints a signed report and exits 1 where any is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=UUID, metavar="ID", help="the id of the erasure")
        parser.add_argument(
            "--path",
            dest="paths",
            type=Path,
            action="append",
            default=[],
            help="a file or folder to search as well, such as a dump or the logs; may be repeated",
        )
        parser.add_argument("--jws", action="store_true", help="prints the signed report alone")

    def handle(self, *args: Any, **options: Any) -> None:
        values = [line for line in sys.stdin.read().splitlines() if line.strip()]
        if not values:
            raise CommandError("Give the person's values on standard input, one a line.")
        if missing := [path for path in options["paths"] if not path.exists()]:
            raise CommandError(f"There is no {missing[0].name}.")
        try:
            report = prove_erasure(options["id"], values, paths=options["paths"])
        except PrivacyRequest.DoesNotExist:
            raise CommandError("No privacy request has this id.") from None
        except (NotErased, InvalidIdentifier) as error:
            raise CommandError(str(error)) from None
        content = report.content | {"jws": report.jws}
        self.stdout.write(
            report.jws if options["jws"] else json.dumps(content, ensure_ascii=False, indent=2)
        )
        if not report.is_clean:
            sys.exit(1)
