"""The consent app: what data may be processed for, and the rights of the people they are about."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = _("Privacy")

    def ready(self) -> None:
        # Imported for its effect: it declares this app's personal data in the registry.
        from consent import personal_data  # noqa: F401
        from consent.checks import check_certificate, check_journal, check_keys, check_replay

        register(check_keys, Tags.database)
        register(check_replay, Tags.database)
        register(check_certificate, deploy=True)
        register(check_journal, deploy=True)
