"""`manage.py verify_ledger`: recompute digests and consent states from the ledger, print the drift, exit 1 if any."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from consent.services import verify_digests, verify_states


class Command(BaseCommand):
    help = "Recomputes the digests of consent events and all consent states; exits 1 where anything differs."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = verify_digests()
        drift = verify_states()
        for event in changed:
            self.stdout.write(f"event {event}: not what was written")
        for found in drift:
            self.stdout.write(
                f"profile {found.profile_id}, purpose {found.purpose_id}: "
                f"stored {found.stored}, ledger {found.folded}"
            )
        self.stdout.write(f"{len(changed)} events changed, {len(drift)} states differ.")
        if changed or drift:
            sys.exit(1)
