"""The project as a Django app, for its management commands and system checks."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.backends.signals import connection_created


class ConfigConfig(AppConfig):
    name = "config"
    label = "tessera"

    def ready(self) -> None:
        # Importing the module makes its declarations.
        from config import personal_data  # noqa: F401
        from config.checks import check_settings, check_shared_keys, refuse_old_postgres

        register(check_settings)
        register(check_shared_keys, deploy=True)
        connection_created.connect(refuse_old_postgres)
