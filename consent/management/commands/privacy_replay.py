"""Does again what people asked for since the backup was made that was restored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.journal.file import JournalUnreadable
from consent.services import SuppressionKeyMissing, act_on_requests, replay_journal
from profiles.services import Actor


class Command(BaseCommand):
    help = (
        "After a backup was restored: erases, restricts, withdraws and holds as was asked for "
        "since it was made, by the file of PRIVACY_JOURNAL. It may be run again, and goes on."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = replay_journal(actor=Actor.system("privacy_replay"))
        except (JournalUnreadable, OSError, SuppressionKeyMissing) as error:
            raise CommandError(str(error)) from error
        for act, count in sorted(done.items()):
            self.stdout.write(f"{count:,} lines of {act}")
        finished = act_on_requests()
        self.stdout.write(f"{sum(done.values()):,} lines replayed, {finished:,} requests done.")
