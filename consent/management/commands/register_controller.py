"""`manage.py register_controller ID` lets another company's system pass requests on by OpenDSR."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from consent.models import Controller
from consent.services import save_controller
from profiles.services import Actor


class Command(BaseCommand):
    help = "Registers a company whose system passes privacy requests on, or changes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", help="what every answer names it by")
        parser.add_argument("--name", help="the company; by default its id")
        parser.add_argument(
            "--service", required=True, help="the name of the API keys that act for it"
        )
        parser.add_argument(
            "--callback-host",
            dest="hosts",
            action="append",
            default=[],
            metavar="HOST",
            help="a host that callbacks may go to; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        controller = Controller.objects.filter(controller_id=options["id"]).first()
        controller = controller or Controller(controller_id=options["id"])
        controller.name = options["name"] or controller.name or options["id"]
        controller.service = options["service"]
        controller.callback_hosts = options["hosts"]
        try:
            save_controller(controller, actor=Actor.system("register_controller"))
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(f"Keys named {controller.service} act for {controller}.")
