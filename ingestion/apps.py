"""The ingestion app: the tracking API, its inbox and the drain."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    name = "ingestion"

    def ready(self) -> None:
        from ingestion import personal_data  # noqa: F401  (its import fills the registry)
