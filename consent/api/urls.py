"""The routes of this app, below `/api/v1/`."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from consent.api import customer, deep_links, holds, register, retention, returns, views

services = SimpleRouter()
services.register("purposes", views.PurposeViewSet, basename="purpose")
services.register("notices", views.NoticeViewSet, basename="notice")
services.register("consents/opt-ins", returns.OptInViewSet, basename="opt-in")
services.register("consents", views.ConsentViewSet, basename="consent")
services.register("privacy/requests", views.RequestViewSet, basename="privacy-request")
services.register("privacy/register", register.RegisterViewSet, basename="privacy-register")
services.register("privacy/deep-links", deep_links.DeepLinkViewSet, basename="deep-link")
services.register("privacy/returns", returns.ReturnViewSet, basename="return")
services.register("privacy/retention", retention.RetentionViewSet, basename="retention")
services.register("privacy/holds", holds.HoldViewSet, basename="hold")

customers = SimpleRouter(use_regex_path=False)
customers.register("privacy/me/link", customer.LinkViewSet, basename="me-link")
customers.register("privacy/me/session", customer.SessionViewSet, basename="me-session")
customers.register(
    "privacy/me/confirmations", customer.ConfirmationViewSet, basename="me-confirmation"
)
customers.register("privacy/me/consents", customer.CustomerConsentViewSet, basename="me-consent")
customers.register("privacy/me/requests", customer.CustomerRequestViewSet, basename="me-request")

urlpatterns = [
    # No router has a route for the one object that the session is about.
    path("privacy/me/", customer.MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path(
        "privacy/me/permissions/",
        customer.CustomerPermissionViewSet.as_view({"get": "retrieve"}),
        name="me-permissions",
    ),
    path("", include(customers.urls)),
    path("", include(services.urls)),
]
