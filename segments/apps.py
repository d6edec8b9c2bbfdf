"""The segments app: who belongs where."""

from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from segments import personal_data  # noqa: F401  (declares)
