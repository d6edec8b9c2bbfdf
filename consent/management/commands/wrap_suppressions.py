"""Wraps the suppression list with the key in use, once a former one was retired."""

from typing import Any

from django.core.management.base import BaseCommand

from consent.services import wrap_suppressions
from profiles.services import Actor


class Command(BaseCommand):
    help = "Wraps suppressions made under retired keys with SUPPRESSION_KEY; may be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        count = wrap_suppressions(actor=Actor.system("wrap_suppressions"))
        self.stdout.write(f"{count:,} suppressions wrapped.")
