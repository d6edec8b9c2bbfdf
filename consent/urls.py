"""The pages for customers, below `/privacy/`, to which mailed links lead."""

from django.urls import path

from consent import pages
from consent.customers.confirmations import PAGES

urlpatterns = [
    path(f"{page}/", pages.confirmation, {"kind": kind}, name=f"confirmation-{page}")
    for kind, page in PAGES.items()
]
