"""The admin's pages by axe: nothing serious in the light and in the dark, and no sideways scrolling
on a telephone."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from consent.models import LegalHold
from ingestion.models import TrackingPlan
from profiles.models import IdentityRulesVersion, SchemaKey, TraitDefinition
from segments.models import ComputedTrait, Destination
from segments.services import install_template
from tests.admin import make_world
from tests.browser.chromium import needs_chromium
from tests.factories import TESTER

AXE = Path(__file__).parents[1] / "sdks/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
TABS = ("overview", "people", "profile", "overlap", "change", "export", "use", "versions")
PAGES = ("change", "edit", "trial", "replay", "end")
DESK = (
    "consent_privacyrequest_changelist",
    "consent_privacyrequest_add",
    "consent_privacyrequest_breach",
    "consent_bulkrequest_add",
    "consent_lettermodel_changelist",
    "consent_purpose_register",
    "consent_purpose_consents",
)
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci.")


@pytest.fixture
def urls(server: Any) -> list[str]:
    world = make_world()
    segment = world["segment"]
    names = (
        *DESK,
        *("index", "segments_segment_changelist", "segments_segment_add"),
        *("segments_destination_changelist", "segments_destination_add"),
        *("segments_automation_changelist", "segments_automation_add"),
        *("segments_computedtrait_changelist", "segments_computedtrait_add"),
        *("ingestion_trackingplan_changelist", "ingestion_trackingplan_add"),
        *("ingestion_sqlsource_changelist", "ingestion_sqlsource_add"),
        *("ingestion_forbiddenname_changelist", "ingestion_forbiddenname_add"),
        *("profiles_rulesapplication_sandbox", "profiles_identityrulesversion_changelist"),
        *("profiles_schemakey_changelist", "profiles_traitdefinition_changelist"),
        "profiles_eventname_changelist",
        *("consent_legalhold_changelist", "consent_retentionrule_changelist"),
        *("consent_retentionrule_forecast", "consent_retentionrule_add"),
    )
    hold = reverse(
        "admin:consent_legalhold_change", args=[LegalHold.objects.latest("placed_at").pk]
    )
    destination = Destination.objects.latest("created_at")
    pages = [reverse(f"admin:segments_destination_{page}", args=[destination.pk]) for page in PAGES]
    tabs = [reverse(f"admin:segments_segment_{tab}", args=[segment.pk]) for tab in TABS]
    request = [world["request"].pk]
    sql_source = [world["sql_source"].pk]
    computed = ComputedTrait.objects.latest("created_at").pk
    basket = install_template("abandoned-basket", purpose=segment.purpose, actor=TESTER)
    own = [
        reverse("admin:segments_computedtrait_change", args=[computed]),
        reverse("admin:segments_automation_edit", args=[basket.pk]),
        reverse("admin:profiles_source_change", args=[world["source"].pk]),
        reverse("admin:profiles_profile_change", args=[world["profile"].pk]),
        reverse("admin:profiles_profile_decide", args=[world["profile"].pk]),
        reverse(
            "admin:profiles_identityrulesversion_change",
            args=[IdentityRulesVersion.objects.latest("pk").pk],
        ),
        f"{reverse('admin:ingestion_trackingplan_add')}?source={world['source'].pk}&draft=1",
        reverse("admin:ingestion_trackingplan_change", args=[TrackingPlan.objects.latest("pk").pk]),
        reverse("admin:ingestion_planbreach_changelist"),
        reverse("admin:ingestion_sqlsource_change", args=sql_source),
        reverse("admin:ingestion_sqlsource_edit", args=sql_source),
        *registry_pages(),
        reverse("admin:ingestion_hook_own"),
        reverse("admin:ingestion_product_upload"),
        reverse("second-factor-setup"),
        hold,
        reverse("admin:consent_privacyrequest_letter", args=request),
        reverse("admin:consent_privacyrequest_change", args=request),
    ]
    return [*(reverse(f"admin:{name}") for name in names), *tabs, *pages, *own]


def registry_pages() -> list[str]:
    """Return the pages of a property, its event and a trait."""
    key = SchemaKey.objects.filter(path="revenue").latest("pk")
    trait = TraitDefinition.objects.filter(key="city").first() or TraitDefinition.objects.latest(
        "pk"
    )
    return [
        reverse("admin:profiles_schemakey_change", args=[key.pk]),
        reverse("admin:profiles_eventname_change", args=[key.name_id]),
        reverse("admin:profiles_traitdefinition_change", args=[trait.pk]),
    ]


def serious_findings(tab: Page, rules: str) -> list[str]:
    tab.evaluate(AXE.read_text())
    violations: list[dict[str, Any]] = tab.evaluate(f"axe.run({{{rules}}})")["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in violations
        if each["impact"] in SERIOUS
    ]


@needs_chromium
@needs_axe
def test_axe_finds_nothing_serious(urls: list[str], tab: Page) -> None:
    findings = {}
    for url in urls:
        tab.emulate_media(color_scheme="light")
        tab.goto(url)
        tab.wait_for_load_state("networkidle")
        assert not tab.locator("html.dark").count()
        findings[url] = serious_findings(tab, "resultTypes: ['violations']")
        tab.emulate_media(color_scheme="dark")
        tab.reload()
        assert tab.locator("html.dark").count()
        # What the dark changes are colours alone.
        findings[f"{url} in the dark"] = serious_findings(tab, "runOnly: ['color-contrast']")
    assert not {url: found for url, found in findings.items() if found}


@needs_chromium
def test_no_page_is_wider_than_a_telephone(urls: list[str], tab: Page) -> None:
    tab.set_viewport_size({"width": 390, "height": 800})
    for url in urls:
        tab.goto(url)
        width = tab.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, url
