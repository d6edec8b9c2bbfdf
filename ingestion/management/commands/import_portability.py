"""Import a person's portability file in this process."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion.services import CopyFault, drain_inbox, import_copy
from profiles.models import Source


class Command(BaseCommand):
    help = (
        "Import a portability.json, or an archive with one. It counts as what anybody may claim; "
        "an archive that was signed here counts as it did, where nobody is stored yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file.")
        parser.add_argument("--source", required=True, help="The key of the source it is of.")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Source.objects.filter(key=options["source"]).first()
        if source is None:
            raise CommandError(f"There is no source {options['source']}: make it by create_source.")
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            imported = import_copy(path, source)
        except CopyFault as fault:
            raise CommandError(str(fault)) from None
        drain_inbox()
        self.stdout.write(
            f"People: {imported.people}. Messages: {imported.messages}. "
            f"Trust: {imported.trust.api_name}."
        )
