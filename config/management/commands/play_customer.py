"""Play a customer's life and print what the gate says at each step."""

from typing import Any

from django.core.management.base import BaseCommand

from config.demo.life import played_life

_WORDS = {True: "yes", False: "no", None: "nobody"}


class Command(BaseCommand):
    help = (
        "Play a customer's life: order, permit, withdraw, see, correct, object, restrict, erase, "
        "come back. Prints for each purpose what the gate says then. Nothing of it stays; while it "
        "runs, some seconds, nobody else changes who is who."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with played_life() as life:
            for number, moment in enumerate(life.moments()):
                if number == 0:
                    self._line("", *moment.permitted)
                self._line(moment.event, *(_WORDS[each] for each in moment.permitted.values()))

    def _line(self, event: str, *cells: str) -> None:
        self.stdout.write(f"{event:<50}" + "".join(f"{cell:<12}" for cell in cells).rstrip())
