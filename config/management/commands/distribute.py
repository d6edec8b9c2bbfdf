"""`manage.py distribute`: spread the store over the machines of a Citus cluster."""

import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.template.defaultfilters import filesizeformat

from config.cluster.faults import cluster_faults, count_workers, other_sessions
from config.cluster.steps import Step, all_steps
from config.ownership import as_owner, settle_ownership

# As measured (docs/scaling.md). Few shards: every statement over all people costs for each of them.
SHARDS_PER_WORKER = 4
BYTES_PER_SECOND = 10_000_000
VERIFICATIONS = ("verify_profiles", "verify_ledger", "verify_segments")


class Command(BaseCommand):
    help = (
        "Spread people and what lies beside them over the workers of a Citus cluster. Stop web, "
        "workers and beat before. May be run again at any time: what is done stays done."
    )

    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--shards",
            type=int,
            help=f"In how many parts; {SHARDS_PER_WORKER} for each worker if not given.",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Only say what stands in the way and what is left to do; exit with 1 if anything.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if faults := cluster_faults():
            raise CommandError("\n".join(faults))
        with as_owner():
            self._distribute(options)

    def _distribute(self, options: dict[str, Any]) -> None:
        shards = options["shards"] or SHARDS_PER_WORKER * count_workers()
        if shards < 1:
            raise CommandError("--shards must be at least 1.")
        steps = [step for step in all_steps(shards) if not step.is_done()]
        self._announce(steps)
        if options["check"]:
            if steps:
                raise CommandError("The store is not spread as it should be.")
            return
        if others := other_sessions():
            raise CommandError(
                f"{others} other sessions use the database: stop web, workers and beat first."
            )
        self._run(shards)
        settle_ownership()
        for name in VERIFICATIONS:
            call_command(name, stdout=self.stdout)

    def _announce(self, steps: list[Step]) -> None:
        if not steps:
            self.stdout.write("The store is spread as it should be.")
            return
        for step in steps:
            size = f" ({filesizeformat(step.moved_bytes)})" if step.moved_bytes else ""
            self.stdout.write(f"To do: {step.title}{size}.")
        seconds = sum(step.moved_bytes for step in steps) / BYTES_PER_SECOND
        self.stdout.write(f"This takes about {seconds / 60:.0f} minutes, and its verification.")

    def _run(self, shards: int) -> None:
        # All of them: a step may bring about what a later one finds to do.
        for step in all_steps(shards):
            started = time.monotonic()
            if not step.is_done():
                step.run()
                self.stdout.write(f"{step.title}: {time.monotonic() - started:.1f} s.")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
