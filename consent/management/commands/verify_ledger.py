"""`manage.py verify_ledger` checks digests, the chain and consent states; exits 1 if any differ."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.services import (
    Head,
    NoTimestamp,
    read_timestamp,
    verify_chain,
    verify_digests,
    verify_states,
)


class Command(BaseCommand):
    help = (
        "Recomputes the digests of consent events, the chain over them and all consent states; "
        "exits 1 where anything differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            dest="heads",
            type=_head,
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="a head that ledger_head printed and that was kept elsewhere; may be repeated",
        )
        parser.add_argument(
            "--timestamp",
            dest="timestamps",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="the time stamp of each --head, in their order",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._say_when(options["heads"], options["timestamps"])
        event_ids, drifts = verify_digests(), verify_states()
        faults = verify_chain(options["heads"])
        for event_id in event_ids:
            self.stdout.write(f"event {event_id}: not what was written")
        for fault in faults:
            place = f"link {fault.number}, " if fault.number else ""
            self.stdout.write(f"{place}event {fault.event_id or 'unknown'}: {fault.detail}")
        for drift in drifts:
            self.stdout.write(
                f"profile {drift.profile_id}, purpose {drift.purpose_id}: "
                f"stored {drift.stored}, ledger {drift.folded}"
            )
        self.stdout.write(
            f"{len(event_ids)} events changed, {len(faults)} faults of the chain, "
            f"{len(drifts)} states differ."
        )
        if event_ids or faults or drifts:
            sys.exit(1)

    def _say_when(self, heads: Sequence[Head], paths: Sequence[Path]) -> None:
        if paths and len(paths) != len(heads):
            raise CommandError("Each --timestamp is that of a --head.")
        for head, path in zip(heads, paths, strict=False):
            try:
                at = read_timestamp(path.read_bytes(), head)
            except (NoTimestamp, OSError) as fault:
                raise CommandError(f"{path}: {fault}") from None
            self.stdout.write(f"{head} was the head by {at.isoformat()}.")


def _head(text: str) -> Head:
    try:
        return Head.read(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
