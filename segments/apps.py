"""The segments app: definitions of groups of people, and who belongs to them."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    name = "segments"
    verbose_name = _("Segments")

    def ready(self) -> None:
        # Imported for its effect: it declares this app's personal data in the registry.
        from segments import personal_data  # noqa: F401

        # And this names the receivers in the register of processing.
        from segments.activation import recipients  # noqa: F401
        from segments.checks import check_zone

        register(check_zone, Tags.database)
