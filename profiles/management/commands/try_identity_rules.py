"""Judge the whole history by the rules of a file, and print who would be whom."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from profiles.identity.replay import read_configuration
from profiles.identity.ruleset.document import parse_document, read_rules
from profiles.identity.ruleset.four_ways import Change
from profiles.identity.ruleset.plan import (
    RulesPlan,
    count_components,
    finish_plan,
    notes_on,
    plan_groups,
    sweep,
)
from profiles.lib.database import consistent_snapshot
from profiles.services import RulesFault


class Command(BaseCommand):
    help = (
        "Judge all facts by the rules of a JSON or YAML file, as GET /api/v1/identity/rules/ "
        "gives it, and say who would join and part. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file.")
        parser.add_argument("--sweep", help="A number to vary, such as email.limit.count.")
        parser.add_argument("--values", help="Its values, such as 1,2,5.")
        parser.add_argument("--json", action="store_true", help="Print one line of JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"There is no file {path.name}.")
        try:
            self._try(read_rules(path.read_bytes()), options)
        except RulesFault as fault:
            raise CommandError(f"{fault.path}: {fault.detail}".removeprefix(": ")) from None

    def _try(self, content: Any, options: dict[str, Any]) -> None:
        parsed = parse_document(content)
        plan = RulesPlan(1.0)
        with consistent_snapshot():
            groups = plan_groups(plan, parsed.ruleset, read_configuration())
            with tqdm(total=count_components(), unit=" components") as bar:
                for number in groups:
                    bar.update(number)
            finish_plan(plan)
        plan.notes = notes_on(parsed)
        self._print(plan, as_json=options["json"])
        if options["sweep"]:
            try:
                values = [int(text) for text in (options["values"] or "").split(",")]
            except ValueError:
                raise CommandError("--values: whole numbers with commas between.") from None
            for swept in sweep(content, options["sweep"], values, most_facts=None):
                changing, total = swept.plan.changing, swept.plan.profiles_after
                self.stdout.write(
                    f"{options['sweep']} = {swept.value}: {total} people, {changing} change"
                )

    def _print(self, plan: RulesPlan, *, as_json: bool) -> None:
        rows = {
            str(change): [plan.table.before[change], plan.table.after[change]] for change in Change
        }
        if as_json:
            figures = {
                "profiles": [plan.profiles_before, plan.profiles_after],
                "table": rows,
                "affected": plan.affected,
                "largest": [cluster.identifiers for cluster in plan.largest],
                "notes": plan.notes,
            }
            self.stdout.write(json.dumps(figures))
            return
        self.stdout.write(f"people: {plan.profiles_before} now, {plan.profiles_after} then")
        for change, (before, after) in rows.items():
            self.stdout.write(f"  {change}: {before} now, {after} then")
        for name, number in plan.affected.items():
            self.stdout.write(f"  {name} of those who change: {number}")
        sizes = ", ".join(str(cluster.identifiers) for cluster in plan.largest)
        self.stdout.write(f"  identifiers of the largest: {sizes or 'none'}")
        for note in plan.notes:
            self.stdout.write(note)
