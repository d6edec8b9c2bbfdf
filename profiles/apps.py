"""The profiles app: who our people are and what they did."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class ProfilesConfig(AppConfig):
    name = "profiles"

    def ready(self) -> None:
        from profiles import personal_data  # noqa: F401  (declares)
        from profiles.checks import check_declarations, check_tables
        from profiles.spread_checks import check_spread

        register(check_declarations)
        register(check_spread)
        register(check_tables, Tags.database)
