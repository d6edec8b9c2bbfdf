"""Routes of the tracking API, as Segment's SDKs call them."""

from django.urls import re_path

from ingestion.api.hooks import receive
from ingestion.api.routes import ROUTES
from ingestion.api.tracking import browser_settings, ignore_metrics, track

__all__ = ["receive", "urlpatterns"]

urlpatterns = [
    re_path(rf"^(?P<route>{'|'.join(ROUTES)})/?$", track),
    re_path(r"^m/?$", ignore_metrics),
    re_path(r"^projects/(?P<write_key>[^/]+)/settings/?$", browser_settings),
]
