"""The pages for customers, below `/privacy/`, to which mailed links lead."""

from django.urls import path

from consent.customers.confirmations import PAGES
from consent.pages import confirming, door, look, own, unsubscribing
from consent.pages import well_known as well_known_pages

well_known = [
    path("gpc.json", well_known_pages.global_privacy_control),
    path("jwks.json", well_known_pages.signing_keys),
]
urlpatterns = [
    path("", door.entrance, name="privacy"),
    path("look.css", look.colours, name="privacy-colours"),
    path("logo", look.logo, name="privacy-logo"),
    path("link/", door.send_link, name="privacy-link"),
    path("log-out/", door.log_out, name="privacy-log-out"),
    path("data/", own.data, name="privacy-data"),
    path("data/correct/", own.correct, name="privacy-correct"),
    path("permissions/", own.permissions, name="privacy-permissions"),
    path("requests/", own.requests, name="privacy-requests"),
    path("requests/<uuid:pk>/archive/", own.archive, name="privacy-archive"),
    path("requests/<uuid:pk>/lift/", own.lift, name="privacy-lift"),
    path("schemas/<slug:name>.json", well_known_pages.archive_schema, name="privacy-schema"),
    path("deletion/", own.deletion, name="privacy-deletion"),
    path("receipts/<uuid:pk>/", own.receipt, name="privacy-receipt"),
    path("unsubscribe/<str:token>/", unsubscribing.unsubscribing, name="unsubscribe"),
    *(
        path(f"{page}/", confirming.confirmation, {"kind": kind}, name=f"confirmation-{page}")
        for kind, page in PAGES.items()
    ),
]
