"""Gives identifiers that were quarantined by an older version a profile of their own."""

from typing import Any

from django.core.management.base import BaseCommand

from profiles.services import Actor, settle_quarantines


class Command(BaseCommand):
    help = "Gives quarantined identifiers that share a profile one of their own; may be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        moved = settle_quarantines(actor=Actor.system("settle_quarantines"))
        self.stdout.write(f"{moved:,} identifiers moved.")
