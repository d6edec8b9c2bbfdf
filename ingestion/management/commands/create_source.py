"""Create a source with a write key, or one more write key of an existing source."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.models import WriteKey
from ingestion.services import create_write_key, register_source
from profiles.models import Source
from profiles.services import Actor

ACTOR = Actor.system("create_source")


class Command(BaseCommand):
    help = (
        "Make a source and print its write key once, alone on the last line; of a source that "
        "exists, a further key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="What the source is called in the API, such as shop.")
        parser.add_argument(
            "--kind",
            required=True,
            choices=WriteKey.Kind.values,
            help="public: in browsers and apps, what it says is a claim; secret: on servers.",
        )
        parser.add_argument("--name", default="", help="What people call it.")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = WriteKey.Kind(options["kind"])
        secret = self._create_key(options["key"], options["name"], kind)
        self.stdout.write(f"A {kind} write key, shown this once:")
        # Alone on the last line, so that a script can read it with `tail -1`.
        self.stdout.write(secret)

    def _create_key(self, key: str, name: str, kind: WriteKey.Kind) -> str:
        if source := Source.objects.filter(key=key).first():
            self.stdout.write(f"Source {key} is there already and gets a further key.")
            return create_write_key(source, actor=ACTOR, kind=kind)[1]
        try:
            _, secret = register_source(key, actor=ACTOR, kind=kind, name=name)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Made source {key}.")
        return secret
