"""`manage.py ledger_head` seals the ledger and prints its head, to be kept elsewhere."""

from typing import Any

from django.core.management.base import BaseCommand

from consent.services import head_of_ledger, seal_ledger


class Command(BaseCommand):
    help = (
        "Seals all consent events and prints the head of the chain, NUMBER:HASH. Keep it where "
        "nobody who may change the database may change it; verify_ledger --head takes it again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        seal_ledger()
        head, _ = head_of_ledger()
        self.stdout.write(str(head))
