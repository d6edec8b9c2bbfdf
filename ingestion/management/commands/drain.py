"""Drain the inbox in this process."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max

from consent.services import act_on_requests
from ingestion.models import InboxRow
from ingestion.services import drain_inbox, drain_is_paused
from profiles.services import fold_tallies

# Between two looks for rows that a worker has leased, or had when it was killed.
WAIT_SECONDS = 0.2


class Command(BaseCommand):
    help = "Take in everything that was accepted up to now; what a worker has leased is waited for."

    def handle(self, *args: Any, **options: Any) -> None:
        # Rows accepted later are not waited for, or the command might never end.
        last = InboxRow.objects.aggregate(last=Max("id"))["last"] or 0
        drained = drain_inbox()
        while InboxRow.objects.filter(id__lte=last).exists():
            if drain_is_paused():
                raise CommandError("The drain is paused: too many messages failed alike.")
            time.sleep(WAIT_SECONDS)
            drained += drain_inbox()
        fold_tallies()
        # Erasures wait for what was accepted before them, and for the end of their cooling-off.
        act_on_requests()
        self.stdout.write(f"Drained {drained} requests.")
