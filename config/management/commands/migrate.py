"""`manage.py migrate`, by the owner of the tables, which the application is not."""

from typing import Any

from django.core.management.commands import migrate

from config.ownership import as_owner, settle_ownership


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
            settle_ownership()
