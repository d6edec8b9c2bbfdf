"""Consents and privacy requests on the page of a profile."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from consent.admin.requests import OPEN, time_left
from consent.models import ConsentEvent, PrivacyRequest, PurposeVersion
from consent.models.purposes import LegalBasis
from consent.services import current_states
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.sections import Link, Section, sections
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile

MOST_EVENTS = 50


def load_consents(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Every purpose as it stands now, with its history for who may read the ledger. Six queries."""
    states = current_states([profile.pk], at=database_now()).get(profile.pk, {})
    titles = dict(PurposeVersion.objects.order_by("number").values_list("purpose__key", "title"))
    events = history(profile) if request.user.has_perm("consent.view_consentevent") else ()
    return {
        "states": [
            {**state, "title": titles.get(key, key), "basis": LegalBasis(state["basis"]).label}
            for key, state in states.items()
        ],
        "events": events,
    }


def history(profile: Profile) -> QuerySet[ConsentEvent]:
    """The latest rows of the ledger by what the profile holds."""
    found = ConsentEvent.objects.filter(identifier__profile_id=profile.pk)
    return found.select_related("purpose", "source").order_by("-received_at", "-seq")[:MOST_EVENTS]


def load_requests(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Two queries."""
    held = list(Identifier.objects.filter(profile=profile).values_list("pk", flat=True))
    found = PrivacyRequest.objects.filter(identifier_ids__overlap=held)
    return {"requests": [(asked, time_left(asked)) for asked in found]}


def links(request: HttpRequest, profile: Profile) -> list[Link]:
    if not request.user.has_perm(OPEN):
        return []
    url = reverse("admin:consent_privacyrequest_open", args=[profile.pk])
    return [Link("Privacy request", url, "shield_person")]


sections.declare(
    Section(
        key="consents",
        title="Consents",
        icon="verified_user",
        template="admin/consent/section_consents.html",
        permission="consent.view_consentstate",
        load=load_consents,
        order=20,
    )
)
sections.declare(
    Section(
        key="requests",
        title="Privacy requests",
        icon="shield_person",
        template="admin/consent/section_requests.html",
        permission="consent.view_privacyrequest",
        load=load_requests,
        links=links,
        order=30,
    )
)
