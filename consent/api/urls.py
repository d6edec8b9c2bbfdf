"""The routes of this app, below `/api/v1/`."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from consent.api import customer, views

router = SimpleRouter()
router.register("purposes", views.PurposeViewSet, basename="purpose")
router.register("notices", views.NoticeViewSet, basename="notice")
router.register("consents", views.ConsentViewSet, basename="consent")
router.register("privacy/requests", views.RequestViewSet, basename="privacy-request")

urlpatterns = [
    path("privacy/me/", customer.MeView.as_view(), name="me"),
    path("privacy/me/link/", customer.LinkView.as_view(), name="me-link"),
    path("privacy/me/session/", customer.SessionView.as_view(), name="me-session"),
    path("privacy/me/consents/", customer.CustomerConsentsView.as_view(), name="me-consents"),
    path("privacy/me/requests/", customer.CustomerRequestsView.as_view(), name="me-requests"),
    path(
        "privacy/me/requests/<uuid:pk>/", customer.CustomerRequestView.as_view(), name="me-request"
    ),
    path(
        "privacy/me/requests/<uuid:pk>/archive/",
        customer.CustomerArchiveView.as_view(),
        name="me-archive",
    ),
    path("", include(router.urls)),
]
