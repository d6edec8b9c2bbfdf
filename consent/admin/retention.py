"""Retention in the admin: the rules, what they will delete tomorrow, and their approval.

Invariant: a rule is approved only from the page that shows what it will delete.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.retention_forms import NewRuleForm, TermsForm, terms_from
from consent.admin.titles import lifetime_title_of
from consent.models import RetentionForecast, RetentionRule, RetentionRun
from consent.retention.inventory import (
    stores_with_lifetimes,
    unassigned_categories,
    unassigned_events,
)
from consent.services import (
    ForecastOutdated,
    InvalidRule,
    approve_rule,
    change_rule,
    create_rule,
    make_forecast,
    terms_of,
)
from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.unfold import display
from profiles.lib.database import database_now
from profiles.services import actor_names

MAY_CHANGE = "consent.change_purpose"
ACTS, WAITS, ENDED = "acts", "waits", "ended"
SHOWN_EVENTS, SHOWN_RUNS = 100, 7
LIST, FORECAST = "admin:consent_retentionrule_changelist", "admin:consent_retentionrule_forecast"


@admin.register(RetentionRule)
class RetentionRuleAdmin(ReadOnlyAdmin):
    """Rules of how long purposes keep data."""

    list_display = ("unit", "purpose_key", "terms", "state")
    list_filter = ("category", "is_ended")
    list_before_template = "admin/consent/forecast_link.html"
    audit_type = "retention_rule"
    seen_with = "consent.view_purpose"

    def audit_key(self, row: RetentionRule) -> str:
        return str(row.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_CHANGE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionRule]:
        rules = super().get_queryset(request).select_related("event", "purpose")
        return rules.prefetch_related("versions")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("forecast/", view(self.forecast), name="consent_retentionrule_forecast"),
            path("<uuid:pk>/edit/", view(self.edit), name="consent_retentionrule_edit"),
            path("<uuid:pk>/end/", view(self.end), name="consent_retentionrule_end"),
            path("<uuid:pk>/approve/", view(self.approve), name="consent_retentionrule_approve"),
            *super().get_urls(),
        ]

    @display(description=_("data"))
    def unit(self, rule: RetentionRule) -> str:
        return unit_of(rule)

    @display(description=_("purpose"))
    def purpose_key(self, rule: RetentionRule) -> str:
        return rule.purpose.key

    @display(description=_("kept for"))
    def terms(self, rule: RetentionRule) -> str:
        return f"{rule.current.period}, {rule.current.get_anchor_display()}"

    @display(description=_("state"), label={ACTS: "success", WAITS: "warning", ENDED: "default"})
    def state(self, rule: RetentionRule) -> tuple[str, str]:
        return state_of(rule)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a new rule."""
        require(request, MAY_CHANGE)
        form = NewRuleForm(request.POST or None)
        if form.is_valid() and (rule := _created(form, request)):
            messages.success(request, gettext("The rule waits: look at what it will delete."))
            return redirect("admin:consent_retentionrule_change", rule.pk)
        question = Question(
            title=gettext("New rule"),
            form=form,
            submit=gettext("Make the rule"),
            back=reverse(LIST),
            warning=gettext("A new rule deletes nothing before somebody has approved it."),
        )
        return question_page(self, request, question)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a rule with its versions."""
        rule = self.found_or_404(request, object_id or "")
        versions = list(rule.versions.all())
        names = actor_names(
            {name for each in versions for name in (each.created_by, each.approved_by) if name}
        )
        return self.page(
            request,
            "admin/consent/retention_rule.html",
            title=str(rule),
            rule=rule,
            unit=unit_of(rule),
            state=state_of(rule),
            versions=[
                (each, names[each.created_by], names.get(each.approved_by, "")) for each in versions
            ],
            may_change=request.user.has_perm(MAY_CHANGE),
        )

    def edit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for other terms of a rule."""
        require(request, MAY_CHANGE)
        rule = self.found_or_404(request, str(pk))
        former = terms_of(rule)
        initial = {name: getattr(former, name) for name in TermsForm.base_fields}
        form = TermsForm(request.POST or None, initial=initial)
        back = reverse("admin:consent_retentionrule_change", args=[pk])
        if form.is_valid():
            now = database_now()
            change_rule(rule, terms=terms_from(form), actor=staff_actor(request), now=now)
            messages.success(request, gettext("The rule waits: look at what it will delete."))
            return redirect(back)
        question = Question(
            title=gettext("Change the rule"),
            form=form,
            submit=gettext("Save"),
            back=back,
            warning=gettext("Until the change is approved nothing of these data is deleted."),
        )
        return question_page(self, request, question)

    def end(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End a rule, which takes effect once that is approved."""
        require(request, MAY_CHANGE)
        rule = self.found_or_404(request, str(pk))
        if request.method == "POST":
            terms = replace(terms_of(rule), is_ended=True)
            change_rule(rule, terms=terms, actor=staff_actor(request), now=database_now())
            messages.success(request, gettext("The rule ends once that is approved."))
        return redirect("admin:consent_retentionrule_change", pk)

    def forecast(self, request: HttpRequest) -> HttpResponse:
        """Show what goes tomorrow; a POST counts anew."""
        require(request, self.seen_with)
        if request.method == "POST":
            require(request, MAY_CHANGE)
            now = database_now()
            make_forecast(at=now + timedelta(days=1), now=now)
            return redirect(FORECAST)
        events = unassigned_events()
        return self.page(
            request,
            "admin/consent/forecast.html",
            title=gettext("What is deleted tomorrow"),
            forecast=(forecast := RetentionForecast.objects.first()),
            units=_units(forecast),
            runs=RetentionRun.objects.all()[:SHOWN_RUNS],
            events=list(events[:SHOWN_EVENTS]),
            more_events=max(0, events.count() - SHOWN_EVENTS),
            categories=[category.label for category in unassigned_categories()],
            stores=[
                (lifetime_title_of(data), data.lifetime_days) for data in stores_with_lifetimes()
            ],
            may_change=request.user.has_perm(MAY_CHANGE),
        )

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Approve a rule by the forecast that its page showed."""
        require(request, MAY_CHANGE)
        rule = self.found_or_404(request, str(pk))
        if request.method != "POST":
            return redirect(FORECAST)
        forecast = _posted_forecast(request)
        try:
            if forecast is None:
                raise ForecastOutdated(gettext("Look at a forecast first."))
            approve_rule(rule, forecast=forecast, actor=staff_actor(request), now=database_now())
            messages.success(request, gettext("The rule acts from the next night on."))
        except ForecastOutdated:
            messages.error(
                request, gettext("Count anew first: the rules changed, or a day passed.")
            )
        return redirect(FORECAST)


def unit_of(rule: RetentionRule) -> str:
    """Return what data a rule is about, in words."""
    if rule.event is not None:
        return str(rule.event)
    return gettext("traits: %s") % rule.get_category_display()


def state_of(rule: RetentionRule) -> tuple[str, str]:
    """Return the state of a rule and its name."""
    if not rule.is_approved:
        return WAITS, gettext("waits for approval")
    return (ENDED, gettext("ended")) if rule.is_ended else (ACTS, gettext("acts"))


def _units(forecast: RetentionForecast | None) -> list[dict[str, Any]]:
    """Return the units of a forecast with those of their rules that wait."""
    if forecast is None:
        return []
    rules = {
        str(rule.pk): rule for rule in RetentionRule.objects.select_related("event", "purpose")
    }
    return [
        {**unit, "rules": [rules[key] for key in unit["rules"] if key in rules]}
        for unit in forecast.units
    ]


def _posted_forecast(request: HttpRequest) -> RetentionForecast | None:
    try:
        pk = UUID(request.POST.get("forecast", ""))
    except ValueError:
        return None
    return RetentionForecast.objects.filter(pk=pk).first()


def _created(form: NewRuleForm, request: HttpRequest) -> RetentionRule | None:
    """Make a rule, or put what is wrong with it into the form."""
    fields = form.cleaned_data
    try:
        return create_rule(
            purpose=fields["purpose"],
            terms=terms_from(form),
            event=fields["event"].name if fields["event"] else "",
            kind=fields["event"].kind if fields["event"] else "track",
            category=fields["category"],
            actor=staff_actor(request),
            now=timezone.now(),
        )
    except InvalidRule as error:
        form.add_error(error.path if error.path in form.fields else None, str(error))
        return None
