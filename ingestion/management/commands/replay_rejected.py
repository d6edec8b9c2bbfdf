"""Send many rejected messages through the inbox again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ingestion.models import RejectedMessage
from ingestion.services import replay_message
from profiles.lib.moments import moment
from profiles.services import Actor


class Command(BaseCommand):
    help = "Send rejected messages of a code through the inbox again, each once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", required=True, help="Why they were rejected, such as failed.")
        for name in ("--after", "--before"):
            parser.add_argument(name, type=moment, help="When rejected: 2026-01-31T12:00:00Z.")

    def handle(self, *args: Any, **options: Any) -> None:
        rejected = RejectedMessage.objects.filter(code=options["code"], replayed_at=None)
        if options["after"]:
            rejected = rejected.filter(rejected_at__gte=options["after"])
        if options["before"]:
            rejected = rejected.filter(rejected_at__lt=options["before"])
        actor = Actor.system("replay_rejected")
        # In the order in which they first came.
        messages = rejected.order_by("inbox_row_id", "place").iterator(chunk_size=500)
        replayed = sum(replay_message(message, actor=actor) for message in messages)
        self.stdout.write(f"Sent {replayed} messages again.")
