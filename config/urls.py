"""The URLs of the project: tracking API, REST API, customers' pages, admin, health probes."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.http import health
from config.http.languages import set_staff_language
from config.http.login import login
from config.http.mail_links import follow
from config.site.omnibox import omnibox
from config.site.second_factor import give_code, overview, set_up
from consent.urls import well_known
from ingestion.urls import receive
from segments.pages.fetching import fetching

api = [
    path("", include("profiles.api.urls")),
    path("", include("ingestion.api.urls")),
    path("", include("consent.api.urls")),
    path("", include("segments.api.urls")),
]

second_factor = [
    path("", give_code, name="second-factor"),
    path("setup/", set_up, name="second-factor-setup"),
    path("overview/", overview, name="second-factor-overview"),
]

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    # The tracking API lies where Segment's SDKs expect it.
    path("v1/", include("ingestion.urls")),
    path("links/<str:token>/", follow, name="mail-link"),
    path("exports/", fetching, name="export-link"),
    path("hooks/<slug:source>/<str:token>/", receive, name="hook"),
    path("api/v1/", include(api)),
    path("privacy/", include("consent.urls")),
    path("opendsr/v2/", include("consent.api.opendsr.urls")),
    path(".well-known/", include(well_known)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/login/", login),
    path("admin/second-factor/", include(second_factor)),
    path("admin/language/", set_staff_language, name="set_language"),
    path("admin/omnibox/", admin.site.admin_view(omnibox), name="omnibox"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

handler400 = "config.http.problems.bad_request"
handler403 = "config.http.problems.forbidden"
handler404 = "config.http.problems.not_found"
handler500 = "config.http.problems.server_error"
