"""Trying other rules of who is who in the admin, applying them, and how far that is."""

import hashlib
import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from profiles.admin.kit.base import (
    Question,
    ReadOnlyAdmin,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.formatting import percent
from profiles.admin.kit.unfold import display
from profiles.admin.sandbox import sandbox_page
from profiles.api.rules_serializers import SweptSerializer
from profiles.identity.ruleset.document import RulesDocument
from profiles.identity.ruleset.four_ways import Change
from profiles.identity.ruleset.plan import FACTS_PER_ANSWER, MOST_VALUES
from profiles.models import IdentityRulesVersion, RulesApplication
from profiles.services import (
    RulesFault,
    RulesPlan,
    actor_names,
    apply_rules,
    as_plain,
    document_of,
    document_of_store,
    parse_document,
    pause_application,
    plan_rules,
    read_rules,
    resume_application,
    sweep,
    write_document,
)

VIEW, CHANGE = "profiles.view_identityrule", "profiles.change_identityrule"
LIST = "admin:profiles_rulesapplication_changelist"
NUMBER = re.compile("[0-9]{1,9}")
STATES = {"running": "info", "paused": "warning", "done": "success", "superseded": "warning"}
CHANGES = {
    Change.UNCHANGED: _("People who stay as they are"),
    Change.MERGED: _("People who are joined with others"),
    Change.PARTED: _("People who are parted"),
    Change.OVERLAPPING: _("People who are parted and joined at once"),
}


class RulesForm(forms.Form):
    """All rules as a file, and why. The same rules are tried first, and then applied."""

    rules = forms.CharField(
        label=_("Rules"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "spellcheck": "false"}),
        help_text=_("As YAML or JSON. Copy them to a file to keep them."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    varied = forms.CharField(
        label=_("A number to vary"),
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as email.limit.count or caps.total, to compare several values of it."),
    )
    values = forms.CharField(
        label=_("Its values"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Up to ten, as 1, 3, 5."),
    )
    tried = forms.CharField(required=False, widget=forms.HiddenInput())

    def clean_rules(self) -> Any:
        """Return the rules that the text stands for."""
        try:
            return parse_document(read_rules(self.cleaned_data["rules"]))
        except RulesFault as fault:
            words = f"{fault.path}: {fault.detail}".removeprefix(": ")
            raise forms.ValidationError(words) from None

    def clean_values(self) -> list[int]:
        """Return the values of the number to vary."""
        words = self.cleaned_data["values"].replace(",", " ").split()
        if not all(NUMBER.fullmatch(word) for word in words) or len(words) > MOST_VALUES:
            raise forms.ValidationError(gettext("Write up to ten whole numbers."))
        if bool(words) != bool(self.cleaned_data.get("varied")):
            raise forms.ValidationError(gettext("A number to vary and its values go together."))
        return [int(word) for word in words]

    def sweep(self) -> list[dict[str, int]]:
        """Return who would be who by each value; none where none is varied or the path is wrong."""
        path, values = self.cleaned_data["varied"], self.cleaned_data["values"]
        if not values:
            return []
        content = as_plain(self.cleaned_data["rules"].document)
        try:
            swept = sweep(content, path, values, most_facts=FACTS_PER_ANSWER // len(values))
        except RulesFault as fault:
            self.add_error("varied", fault.detail)
            return []
        return [dict(SweptSerializer(each).data) for each in swept]

    @property
    def fingerprint(self) -> str:
        """What the user saw the effects of: other rules have to be tried again."""
        text = write_document(self.cleaned_data["rules"].document)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def was_tried(self) -> bool:
        return bool(self.cleaned_data["tried"] == self.fingerprint)


@admin.register(RulesApplication)
class RulesApplicationAdmin(ReadOnlyAdmin):
    """Applications of rules, and the page that tries and begins one."""

    seen_with = VIEW
    list_display = ("state_label", "share", "moved", "by", "started_at", "finished_at")
    list_filter = ("state",)
    sortable_by = ()
    fields = ("state_label", "share", "moved", "by", "started_at", "finished_at")
    readonly_fields = fields
    actions = ("pause", "go_on")
    audit_type = "identity_rules"

    def audit_key(self, row: RulesApplication) -> str:
        return str(row.uuid)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.try_rules)
        sandbox = self.admin_site.admin_view(self.sandbox)
        return [
            path("try/", view, name="profiles_rulesapplication_try"),
            path("sandbox/", sandbox, name="profiles_rulesapplication_sandbox"),
            *super().get_urls(),
        ]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Go to the page that tries rules: an application begins there."""
        require(request, CHANGE)
        return redirect("admin:profiles_rulesapplication_try")

    @admin.action(description=_("Pause"), permissions=["decide"])
    def pause(self, request: HttpRequest, queryset: QuerySet[RulesApplication]) -> None:
        """Stop after the step at hand."""
        actor = staff_actor(request)
        if any(pause_application(row, actor=actor) for row in queryset):
            messages.success(request, gettext("It is paused. People stay as they are."))

    @admin.action(description=_("Go on"), permissions=["decide"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[RulesApplication]) -> None:
        """Go on where it was paused."""
        actor = staff_actor(request)
        if any(resume_application(row, actor=actor) for row in queryset):
            messages.success(request, gettext("It goes on."))

    def sandbox(self, request: HttpRequest) -> HttpResponse:
        """Judge made-up facts."""
        return sandbox_page(self, request, VIEW)

    def try_rules(self, request: HttpRequest) -> HttpResponse:
        """Show what other rules would do, and apply those that were tried."""
        require(request, CHANGE)
        posted = request.POST.copy() if request.method == "POST" else None
        form = RulesForm(posted, initial={"rules": write_document(_initial(request))})
        plan, swept = None, []
        if posted is not None and form.is_valid():
            rules, reason = form.cleaned_data["rules"], form.cleaned_data["reason"]
            if form.was_tried:
                apply_rules(rules, actor=staff_actor(request), reason=reason)
                messages.success(request, gettext("The rules hold, and what happened is judged."))
                return redirect(LIST)
            plan = plan_rules(rules, most_facts=FACTS_PER_ANSWER)
            swept = form.sweep()
            posted["tried"] = form.fingerprint
        question = _question(form, plan)
        return question_page(self, request, question, "admin/profiles/rules_try.html", swept=swept)

    @display(description=_("state"), label=STATES)
    def state_label(self, row: RulesApplication) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("judged"))
    def share(self, row: RulesApplication) -> str:
        return percent(row.progress)

    @display(description=_("by"))
    def by(self, row: RulesApplication) -> str:
        return actor_names([row.actor])[row.actor]


def _initial(request: HttpRequest) -> RulesDocument:
    """Return the rules of the version that the address names, without one those that hold."""
    number = request.GET.get("version", "")
    if not number:
        return document_of_store()
    is_number = number.isdecimal() and len(number) < 18
    versions = IdentityRulesVersion.objects.filter(pk=int(number) if is_number else 0)
    return document_of(get_object_or_404(versions))


def _question(form: RulesForm, plan: RulesPlan | None) -> Question:
    if plan is None:
        return Question(
            title=gettext("Try other rules"),
            form=form,
            submit=gettext("See what they would do"),
            back=reverse(LIST),
            warning=gettext("Nothing is written before you have seen what they would do."),
        )
    warning = gettext("So people would be, had these rules always stood.")
    if not plan.is_exact:
        low, high = plan.changing_interval
        sample = gettext(
            "Judged by a sample of %(share)s; in all, %(low)d to %(high)d people would change."
        )
        numbers = {"share": percent(plan.share, places=1), "low": low, "high": high}
        warning = f"{warning} {sample % numbers}"
    return Question(
        title=gettext("Try other rules"),
        form=form,
        submit=gettext("Apply these rules"),
        back=reverse(LIST),
        warning=warning,
        counts=_counts(plan),
    )


def _counts(plan: RulesPlan) -> dict[str, int]:
    largest = plan.largest[0].identifiers if plan.largest else 0
    return {
        gettext("People now"): plan.profiles_before,
        gettext("People then"): plan.profiles_after,
        **{str(words): plan.table.before[change] for change, words in CHANGES.items()},
        gettext("Quarantined identifiers now"): plan.quarantined_before,
        gettext("Quarantined identifiers then"): plan.quarantined_after,
        gettext("Identifiers of the largest person"): largest,
        gettext("Events of people who change"): plan.affected["events"],
        gettext("Consents of people who change"): plan.affected["consents"],
        gettext("Memberships of people who change"): plan.affected["memberships"],
    }
