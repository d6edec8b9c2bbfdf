"""`manage.py consent_proof ID` prints the proof of one consent event as JSON, signed."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from consent.models import ConsentEvent
from consent.services import consent_proof, signed_proof


class Command(BaseCommand):
    help = "Prints the proof of one consent event."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=UUID, metavar="ID", help="the id of the consent event")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proof = consent_proof(options["id"])
        except ConsentEvent.DoesNotExist:
            raise CommandError("No consent event has this id.") from None
        proof["jws"] = signed_proof(proof)
        self.stdout.write(json.dumps(proof, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
