"""The profiles app: who our people are and what they did."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "profiles"
    verbose_name = _("Profiles")

    def ready(self) -> None:
        from profiles import personal_data  # noqa: F401  (declares)
        from profiles.checks import check_declarations, check_tables
        from profiles.spread_checks import check_spread

        register(check_declarations)
        register(check_spread)
        register(check_tables, Tags.database)
