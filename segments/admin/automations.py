"""Automations in the admin: which there are, how far people are, and what staff do with one.

Invariant: whoever may not see contact data sees neither definition nor numbers of an automation
that asks for such data, and makes none.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.lib.database import database_now
from segments import services
from segments.admin.automation_forms import AutomationForm, InstallForm, NewAutomationForm
from segments.admin.automation_outline import outline, rules_words, sentence, trigger_words
from segments.admin.builder.operations import Operation
from segments.admin.builder.suggestions import Search, Suggestion
from segments.admin.flow import building
from segments.admin.flow.pages import BuilderAdmin
from segments.admin.forms import fault_text
from segments.language.operands import DefinitionError
from segments.models import Automation, AutomationRun

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_automation_change"
LIST = "admin:segments_automation_changelist"
SHOWN = 30
Status = Automation.Status
# What the buttons of the page do, and in which states.
ACTIONS: dict[str, tuple[Callable[..., Automation], tuple[str, ...]]] = {
    "publish": (services.publish_automation, (Status.DRAFT, Status.LIVE, Status.PAUSED)),
    "pause": (services.pause_automation, (Status.LIVE,)),
    "resume": (services.resume_automation, (Status.PAUSED,)),
    "archive": (services.archive_automation, (Status.DRAFT, Status.LIVE, Status.PAUSED)),
}


@admin.register(Automation)
class AutomationAdmin(BuilderAdmin, ReadOnlyAdmin):
    """Automations, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "status", "purpose", "version", "priority", "created_at")
    list_filter = ("status",)
    list_select_related = ("purpose",)
    search_fields = ("name", "key")
    ordering = ("name",)
    list_before_template = "admin/segments/automations_before.html"
    audit_type = "automation"
    tree_template = "admin/segments/flow/tree.html"
    rail_template = "admin/segments/flow/rail.html"
    empty = building.EMPTY

    def built(self, text: str, operation: Operation) -> building.Built:
        return building.build(text, operation)

    def suggested(self, search: Search) -> list[Suggestion]:
        return building.suggest(search)

    def told(self, request: HttpRequest, definition: Any) -> dict[str, Any]:
        return building.tell(definition, may_see=request.user.has_perm(SEE_CONTACTS))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "segments_automation"
        return [
            path("templates/", view(self.templates), name=f"{name}_templates"),
            path("templates/<slug:key>/", view(self.install), name=f"{name}_install"),
            path("<int:pk>/edit/", view(self.edit), name=f"{name}_edit"),
            path("<int:pk>/<slug:action>/do/", view(self.act), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for an automation, and make a draft of it."""
        require(request, ADD)
        form = NewAutomationForm(request, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                row = services.create_automation(actor=staff_actor(request), **form.cleaned_data)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, row.pk)
        return self.form_page(
            request, form, title=_("New automation"), submit=_("Make"), back=reverse(LIST)
        )

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change what is saved of an automation."""
        row = self._changeable(request, pk)
        initial = {name: getattr(row, name) for name in ("name", "purpose", "priority")}
        initial |= {"definition": row.definition}
        content = request.POST if request.method == "POST" else None
        form = AutomationForm(request, content, initial=initial)
        if form.is_valid():
            services.update_automation(row, actor=staff_actor(request), changes=form.cleaned_data)
            return redirect(PAGE, pk)
        title = _("Change %(name)s") % {"name": row.name}
        return self.form_page(
            request, form, title=title, submit=_("Save"), back=reverse(PAGE, args=[pk])
        )

    def act(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Publish, pause, resume or archive an automation, asked by a POST."""
        row = self._changeable(request, pk)
        if request.method == "POST" and action in ACTIONS:
            options = (
                {"moves_people": "moves_people" in request.POST} if action == "publish" else {}
            )
            try:
                ACTIONS[action][0](row, actor=staff_actor(request), **options)
            except DefinitionError as error:
                for fault in error.errors:
                    messages.error(request, fault_text(fault))
            except services.SegmentError as error:
                messages.error(request, error.detail)
        return redirect(PAGE, pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show an automation: what starts it, its steps with their numbers, and its last runs."""
        row: Automation = self.found_or_404(request, object_id)
        is_hidden = self._is_hidden(request, row)
        may_change = request.user.has_perm(CHANGE) and not is_hidden
        return self.page(
            request,
            "admin/segments/automation.html",
            title=row.name,
            row=row,
            is_hidden=is_hidden,
            may_change=may_change and row.status != Status.ARCHIVED,
            may_see=request.user.has_perm(SEE_CONTACTS),
            actions=[name for name, (_, states) in ACTIONS.items() if row.status in states],
            **({} if is_hidden else _picture(row)),
        )

    def templates(self, request: HttpRequest) -> HttpResponse:
        """Show the automations that are ready to be installed."""
        require(request, ADD)
        taken = set(Automation.objects.values_list("key", flat=True))
        return self.page(
            request,
            "admin/segments/automation_templates.html",
            title=_("Automations that are ready"),
            templates=[(each, each.key in taken) for each in services.templates()],
        )

    def install(self, request: HttpRequest, key: str) -> HttpResponse:
        """Ask for the purpose of a template, and make a draft of it."""
        require(request, ADD)
        form = InstallForm(request.POST if request.method == "POST" else None)
        back = reverse("admin:segments_automation_templates")
        if form.is_valid():
            purpose = form.cleaned_data["purpose"]
            try:
                row = services.install_template(key, purpose=purpose, actor=staff_actor(request))
            except services.SegmentError as error:
                messages.error(request, error.detail)
                return redirect(back)
            return redirect(PAGE, row.pk)
        return self._ask(request, form, _("Install a template"), _("Install"), back)

    def _ask(
        self, request: HttpRequest, form: forms.Form, title: str, submit: str, back: str
    ) -> HttpResponse:
        question = Question(title=title, form=form, submit=submit, back=back)
        return question_page(self, request, question)

    def _is_hidden(self, request: HttpRequest, row: Automation) -> bool:
        may_see = request.user.has_perm(SEE_CONTACTS)
        return not may_see and services.is_sensitive_automation(row.definition)

    def _changeable(self, request: HttpRequest, pk: int) -> Automation:
        require(request, CHANGE)
        row: Automation = self.found_or_404(request, str(pk))
        if self._is_hidden(request, row):
            raise PermissionDenied
        return row


def _picture(row: Automation) -> dict[str, Any]:
    """Return what the page shows of an automation whose definition can be read."""
    try:
        program = services.parse_automation(row.definition)
    except DefinitionError as error:
        return {"faults": list(map(fault_text, error.errors))}
    labels = dict(AutomationRun.State.choices)
    past = services.starts_by_day(program, days=30, now=database_now())
    return {
        "trigger": trigger_words(program.trigger),
        "rules": rules_words(program),
        "rows": outline(row.definition, program, services.step_numbers(row)),
        "sentence": sentence(row.definition, program),
        "states": [(labels[state], count) for state, count in services.run_numbers(row).items()],
        "runs": row.runs.order_by("-pk")[:SHOWN],
        "past_people": sum(day.people for day in past),
        "past_days": len(past),
        "groups": services.group_numbers(row) if program.hold_out else None,
    }
