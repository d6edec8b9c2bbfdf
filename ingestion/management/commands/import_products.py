"""Keep the catalogue of products as a file has it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion.services import FileFault, import_products
from profiles.services import Actor

ACTOR = Actor.system("import_products")


class Command(BaseCommand):
    help = (
        "Create or replace the products of a CSV, JSON lines, Excel or Parquet file, also packed. "
        "The same file twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file.")
        parser.add_argument("--dry-run", action="store_true", help="Write nothing, say what would.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["path"].open("rb") as content:
                report = import_products(content, actor=ACTOR, is_dry_run=options["dry_run"])
        except OSError:
            raise CommandError(f"{options['path']} cannot be read.") from None
        except FileFault as error:
            raise CommandError(str(error)) from None
        for refusal in report.first_refused:
            self.stderr.write(f"row {refusal.number}, {refusal.column or '-'}: {refusal.detail}")
        counts = ("rows", "created", "changed", "unchanged", "refused")
        self.stdout.write(", ".join(f"{name} {getattr(report, name)}" for name in counts))
