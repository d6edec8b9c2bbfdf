"""The profiles app: who our people are and what they did."""

from django.apps import AppConfig
from django.core.checks import register


class ProfilesConfig(AppConfig):
    name = "profiles"

    def ready(self) -> None:
        from profiles import personal_data  # noqa: F401  (declares)
        from profiles.registry import check_registry

        register(check_registry)
