"""The project as a Django app, for its management commands and system checks."""

from django.apps import AppConfig, apps
from django.core.checks import Tags, register
from django.core.signals import request_started
from django.db.backends.signals import connection_created

from profiles.lib.memory import forbid_core_dumps, forget_people


class ConfigConfig(AppConfig):
    name = "config"
    label = "tessera"

    def ready(self) -> None:
        # Importing the module makes its declarations.
        from config import personal_data  # noqa: F401
        from config.checks import (
            check_connections,
            check_settings,
            check_shared_keys,
            check_special_keys,
            refuse_old_postgres,
        )
        from config.site.names import translate_names

        for label in ("profiles", "consent", "ingestion", "segments"):
            translate_names(apps.get_app_config(label).get_models())
        forbid_core_dumps()
        register(check_settings)
        register(check_connections, Tags.database)
        register(check_shared_keys, deploy=True)
        register(check_special_keys, deploy=True)
        connection_created.connect(refuse_old_postgres)
        request_started.connect(forget_before_a_request)


def forget_before_a_request(**_: object) -> None:
    """Let no web process remember people for longer than ten minutes."""
    forget_people()
