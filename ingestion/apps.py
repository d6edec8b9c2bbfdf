"""The ingestion app: the tracking API, its inbox and the drain."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IngestionConfig(AppConfig):
    name = "ingestion"
    verbose_name = _("Data")

    def ready(self) -> None:
        from ingestion import personal_data  # noqa: F401  (its import fills the registry)
