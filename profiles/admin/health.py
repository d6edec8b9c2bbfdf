"""Identity health in the admin: the figures of now, their ranges and trends, and some cases."""

from typing import Any

from django.contrib import admin
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import ReadOnlyAdmin, require
from profiles.admin.kit.charts import sparkline
from profiles.health.checks import Finding, Health
from profiles.lib.faults import fault_of
from profiles.models import HealthMeasure, Profile
from profiles.services import find_health, trends

VIEW = "profiles.view_identityoutcome"
MOST_LINKS = 5
# Where staff do what the advice of a check says, by the check's key.
PLACES = {
    **dict.fromkeys(
        ("shared_emails", "shared_phones"),
        ("admin:profiles_matchproposal_changelist", _("Proposals")),
    ),
    **dict.fromkeys(
        ("emails", "phones", "size_tail"), ("admin:profiles_rulesapplication_try", _("Other rules"))
    ),
    "user_ids": ("admin:profiles_identityrule_changelist", _("Identity rules")),
}
STATES = {
    Health.IN_RANGE: _("in range"),
    Health.OUT_OF_RANGE: _("out of range"),
    Health.TOO_FEW: _("too few people"),
}


@admin.register(HealthMeasure)
class HealthMeasureAdmin(ReadOnlyAdmin):
    """The page of identity health; its rows are the measures of former days."""

    seen_with = VIEW
    list_display = ("day", "key", "value", "people", "state")
    sortable_by = ()
    fields = ("day", "key", "value", "people", "state")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the figures of now, and with a query the list of what was measured."""
        require(request, VIEW)
        if request.GET:
            return super().changelist_view(request, extra_context)
        try:
            findings = find_health()
        except OperationalError as error:
            fault_of(error)
            findings = []
        return self.page(
            request,
            "admin/profiles/health.html",
            title=gettext("Health"),
            rows=_rows(findings),
            out_of_range=sum(finding.health == Health.OUT_OF_RANGE for finding in findings),
        )


def _rows(findings: list[Finding]) -> list[dict[str, Any]]:
    measured = trends()
    shown = [uuid for finding in findings for uuid in finding.cases[:MOST_LINKS]]
    ids = dict(Profile.objects.filter(uuid__in=shown).values_list("uuid", "pk"))
    order = [Health.OUT_OF_RANGE, Health.IN_RANGE, Health.TOO_FEW]
    return [
        {
            "finding": finding,
            "state": STATES[finding.health],
            "is_bad": finding.health == Health.OUT_OF_RANGE,
            "place": _place(finding.check.key),
            "trend": _trend([each.value for each in measured.get(finding.check.key, [])]),
            "cases": [(ids[uuid], f"…{str(uuid)[-12:]}") for uuid in finding.cases if uuid in ids],
        }
        for finding in sorted(findings, key=lambda finding: order.index(finding.health))
    ]


def _place(key: str) -> tuple[str, str] | None:
    if key not in PLACES:
        return None
    url, label = PLACES[key]
    return reverse(url), str(label)


def _trend(values: list[float]) -> str:
    # Sparklines are of whole numbers: thousandths of a percent.
    title = f"{values[0]:g} % – {values[-1]:g} %" if values else ""
    return sparkline([round(1000 * value) for value in values], title=title) if values else ""
