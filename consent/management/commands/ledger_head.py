"""`manage.py ledger_head` seals the ledger and prints its head, to be kept elsewhere."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.services import NoTimestamp, head_of_ledger, request_timestamp, seal_ledger


class Command(BaseCommand):
    help = (
        "Seals all consent events and prints the head of the chain, NUMBER:HASH. Keep it where "
        "nobody who may change the database may change it; verify_ledger --head takes it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--timestamp",
            type=Path,
            metavar="FILE",
            help="have the authority of TIMESTAMP_URL stamp the head (RFC 3161), into this file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        seal_ledger()
        head, _ = head_of_ledger()
        path: Path | None = options["timestamp"]
        if path is not None:
            try:
                path.write_bytes(request_timestamp(head))
            except NoTimestamp as fault:
                raise CommandError(str(fault)) from None
        self.stdout.write(str(head))
