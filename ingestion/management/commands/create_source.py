"""Create a source with a write key, or one more write key of an existing source."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.models import WriteKey
from ingestion.services import (
    WrongMapping,
    address_of,
    create_write_key,
    preset_keys,
    register_hook,
    register_source,
)
from profiles.lib.documents import NotADocument, read_document
from profiles.models import Party, Source
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
            choices=WriteKey.Kind.values,
            help="public: in browsers and apps, what it says is a claim; secret: on servers.",
        )
        parser.add_argument(
            "--preset", choices=preset_keys(), help="The tool that sends to a webhook of ours."
        )
        parser.add_argument("--secret", help="By which the tool signs what it sends.")
        parser.add_argument(
            "--mapping", type=Path, help="Of a webhook of your own: a YAML or JSON file with kinds."
        )
        parser.add_argument(
            "--party", choices=Party.values, help="Whose data it sends: first unless it is said."
        )
        parser.add_argument("--name", default="", help="What people call it.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["preset"]:
            self._create_hook(options)
            return
        if not options["kind"]:
            raise CommandError("Either --kind, or --preset with --secret.")
        kind = WriteKey.Kind(options["kind"])
        secret = self._create_key(options, kind)
        self.stdout.write(f"A {kind} write key, shown this once:")
        # Alone on the last line, so that a script can read it with `tail -1`.
        self.stdout.write(secret)

    def _create_hook(self, options: dict[str, Any]) -> None:
        """Create a webhook source, and print its address alone on the last line."""
        try:
            source, token = register_hook(
                options["key"],
                preset=options["preset"],
                secret=options["secret"] or "",
                name=options["name"],
                kinds=_read_kinds(options["mapping"]),
                actor=ACTOR,
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except WrongMapping as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Made source {source.key}. Its address, shown this once:")
        self.stdout.write(address_of(source, token))

    def _create_key(self, options: dict[str, Any], kind: WriteKey.Kind) -> str:
        key, party = options["key"], options["party"] or Party.FIRST
        if source := Source.objects.filter(key=key).first():
            self.stdout.write(f"Source {key} is there already and gets a further key.")
            return create_write_key(source, actor=ACTOR, kind=kind)[1]
        try:
            _, secret = register_source(
                key, actor=ACTOR, kind=kind, name=options["name"], party=party
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Made source {key}.")
        return secret


def _read_kinds(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        content = read_document(path.read_bytes())
    except OSError:
        raise CommandError(f"{path} cannot be read.") from None
    except NotADocument as error:
        raise CommandError(str(error)) from None
    kinds = content.get("kinds") if isinstance(content, dict) else None
    if not isinstance(kinds, dict):
        raise CommandError("A mapping is an object with kinds: docs/sources.md")
    return kinds
