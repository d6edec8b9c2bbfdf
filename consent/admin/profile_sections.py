"""The sections of the profile page with consents and privacy requests."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.desk.opening import OPEN
from consent.admin.desk.page import ACT
from consent.models import ConsentEvent, LegalHold, PrivacyRequest, PurposeVersion, State
from consent.models.purposes import LegalBasis
from consent.services import current_states, forecast_of_person, time_left
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.sections import Link, Section, sections
from profiles.lib.database import database_now
from profiles.models import Profile

MAX_EVENTS = 50


def load_consents(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load the state of every purpose, and the ledger's events for users who may read it.

    Takes five queries.
    """
    states = current_states([profile.pk], at=database_now()).get(profile.pk, {})
    # Ordered, so that the title of the newest version is the one that stays in the dict.
    titles = dict(PurposeVersion.objects.order_by("number").values_list("purpose__key", "title"))
    may_read_ledger = request.user.has_perm("consent.view_consentevent")
    return {
        "states": [
            {
                **state,
                "title": titles.get(key, key),
                "basis": LegalBasis(state["basis"]).label,
                "label": State(state["state"]).label,
            }
            for key, state in states.items()
        ],
        "events": recent_events(profile) if may_read_ledger else (),
    }


def recent_events(profile: Profile) -> QuerySet[ConsentEvent]:
    """Return the newest consent events of the profile's identifiers."""
    events = ConsentEvent.objects.filter(identifier__in=_identifier_ids(profile))
    return events.select_related("purpose", "source").order_by("-received_at", "-seq")[:MAX_EVENTS]


def load_requests(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load the privacy requests about the profile's identifiers, and the holds on them."""
    identifier_ids = _identifier_ids(profile)
    privacy_requests = PrivacyRequest.objects.filter(identifier_ids__overlap=identifier_ids)
    return {
        "holds": LegalHold.objects.filter(lifted_at=None, identifier_ids__overlap=identifier_ids),
        "requests": [
            (privacy_request, time_left(privacy_request)) for privacy_request in privacy_requests
        ],
    }


def _identifier_ids(profile: Profile) -> list[int]:
    # The page of a profile has loaded them.
    return [identifier.pk for identifier in profile.identifiers.all()]


def request_links(request: HttpRequest, profile: Profile) -> list[Link]:
    """Return the buttons that open a privacy request and a legal hold, for users who may."""
    links = []
    if request.user.has_perm(OPEN):
        url = reverse("admin:consent_privacyrequest_open", args=[profile.pk])
        links.append(Link(gettext("Privacy request"), url, "shield_person"))
    if request.user.has_perm(ACT):
        url = reverse("admin:consent_legalhold_place", args=[profile.pk])
        links.append(Link(gettext("Legal hold"), url, "gavel"))
    return links


sections.declare(
    Section(
        key="consents",
        title=_("Consents"),
        icon="verified_user",
        template="admin/consent/section_consents.html",
        permission="consent.view_consentstate",
        load=load_consents,
        order=20,
    )
)


def load_retention(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Count what of the profile goes by tomorrow."""
    tomorrow = database_now() + timedelta(days=1)
    return {"units": forecast_of_person(profile.pk, at=tomorrow)}


sections.declare(
    Section(
        key="retention",
        title=_("Deleted by tomorrow"),
        icon="auto_delete",
        template="admin/consent/section_retention.html",
        permission=ACT,
        load=load_retention,
        order=40,
        is_lazy=True,
    )
)
sections.declare(
    Section(
        key="requests",
        title=_("Privacy requests"),
        icon="shield_person",
        template="admin/consent/section_requests.html",
        permission="consent.view_privacyrequest",
        load=load_requests,
        links=request_links,
        order=30,
    )
)
