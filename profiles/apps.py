"""The profiles app: profiles, identities, traits and events."""

from django.apps import AppConfig
from django.core.checks import register


class ProfilesConfig(AppConfig):
    name = "profiles"

    def ready(self) -> None:
        from profiles import personal_data  # noqa: F401  (its import fills the registry)
        from profiles.registry import check_registry

        register(check_registry)
