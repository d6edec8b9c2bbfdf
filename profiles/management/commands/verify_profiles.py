"""Recompute profiles from their facts, records and events, and print the drift."""

import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from profiles.identity.verify import find_drift
from profiles.models import Profile

MAX_SUBJECTS = 20  # printed of each kind of drift


class Command(BaseCommand):
    help = (
        "Replay the identity facts, fold the traits and count the events of all profiles, and "
        "compare with what is stored. Prints the drift; exits with 1 if there is any. Changes "
        "nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        kinds: Counter[str] = Counter()
        for drift in find_drift():
            kinds[drift.kind] += 1
            if kinds[drift.kind] <= MAX_SUBJECTS:
                self.stdout.write(f"{drift.subject}: {drift.kind}")
        for kind, times in kinds.items():
            self.stdout.write(f"{times} × {kind}")
        if kinds:
            sys.exit(1)
        self.stdout.write(f"No drift in {Profile.objects.count()} profiles.")
