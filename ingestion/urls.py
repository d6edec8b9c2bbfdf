"""Routes of the tracking API, as Segment's SDKs call them."""

from django.urls import re_path

from ingestion.api.tracking import track

urlpatterns = [
    re_path(r"^(?P<type_>identify|track|page|screen|group|alias|batch|import)/?$", track),
]
