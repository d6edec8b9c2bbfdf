"""The addresses of OpenDSR 2.0, which end without a slash, and those of OpenGDPR before it."""

from django.urls import path, re_path

from consent.api.opendsr import views

_ID = r"(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# Section 10.1: names of before 2.0 must be honoured. The standard's text also has `status`.
_REQUESTS = "(?:requests|opengdpr_requests)"
_ONE = f"(?:requests|opengdpr_requests|status)/{_ID}"

urlpatterns = [
    re_path("^discovery/?$", views.DiscoveryView.as_view(), name="opendsr-discovery"),
    re_path(f"^{_REQUESTS}/?$", views.RequestsView.as_view(), name="opendsr-requests"),
    re_path(f"^{_ONE}/?$", views.RequestView.as_view(), name="opendsr-request"),
    re_path(f"^{_ONE}/results/?$", views.ResultsView.as_view(), name="opendsr-results"),
    path(
        "certificates/<slug:certificate_id>.pem",
        views.CertificateView.as_view(),
        name="opendsr-certificate",
    ),
]
