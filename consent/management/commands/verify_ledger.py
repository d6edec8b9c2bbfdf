"""`manage.py verify_ledger` checks digests and consent states, and exits 1 if any differ."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from consent.services import verify_digests, verify_states


class Command(BaseCommand):
    help = (
        "Recomputes the digests of consent events and all consent states; "
        "exits 1 where anything differs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        event_ids = verify_digests()
        drifts = verify_states()
        for event_id in event_ids:
            self.stdout.write(f"event {event_id}: not what was written")
        for drift in drifts:
            self.stdout.write(
                f"profile {drift.profile_id}, purpose {drift.purpose_id}: "
                f"stored {drift.stored}, ledger {drift.folded}"
            )
        self.stdout.write(f"{len(event_ids)} events changed, {len(drifts)} states differ.")
        if event_ids or drifts:
            sys.exit(1)
