"""The ingestion app: how it comes in."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    name = "ingestion"

    def ready(self) -> None:
        from ingestion import personal_data  # noqa: F401  (declares)
