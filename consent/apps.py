"""The consent app: what we may do with people's data, and what they may ask of us."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class ConsentConfig(AppConfig):
    name = "consent"

    def ready(self) -> None:
        from consent import personal_data  # noqa: F401  (declares)
        from consent.checks import check_keys

        register(check_keys, Tags.database)
