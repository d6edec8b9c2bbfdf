"""SQL sources in the admin: which there are, the form with its preview, and the runs of each.

Invariant: a query brings what names people, so that only whoever may import and see contact data
makes, changes or tries one; its address is shown to nobody.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingestion import services
from ingestion.admin.sql_forms import DeleteForm, pretty
from ingestion.admin.sql_mapping import SqlSourcePage
from ingestion.models import SqlSource
from ingestion.services import SqlSourceDraft
from profiles.admin.kit.base import (
    Question,
    ReadOnlyAdmin,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import display
from profiles.lib.database import database_now

MAY_ADD = "ingestion.add_sqlsource"
PAGE = "admin:ingestion_sqlsource_change"
ADD = "admin:ingestion_sqlsource_add"
LIST = "admin:ingestion_sqlsource_changelist"
SHOWN_RUNS = 50
COLOURS = {"works": "success", "fails": "warning", "paused": "danger", "by_staff": "default"}
Page = Callable[..., HttpResponse]


@admin.register(SqlSource)
class SqlSourceAdmin(ReadOnlyAdmin):
    """SQL sources, for whoever may see imports."""

    list_display = ("name", "source", "place", "condition", "next_at")
    list_filter = ("state", "source")
    list_select_related = ("source",)
    sortable_by = ()
    search_fields = ("name",)
    ordering = ("name", "id")
    audit_type = "sql_source"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms([MAY_ADD, SEE_CONTACTS])

    def audit_key(self, row: SqlSource) -> str:
        return str(row.uuid)

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, Page] = {
            "edit": self.edit,
            "outcome": self.outcome,
            "run": self.run,
            "pause": self.pause,
            "resume": self.resume,
            "end": self.end,
        }
        view = self.admin_site.admin_view
        return [
            path("outcome/", view(self.outcome), name="ingestion_sqlsource_new_outcome"),
            *(
                path(f"<int:pk>/{name}/", view(page), name=f"ingestion_sqlsource_{name}")
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("condition"), label=COLOURS)
    def condition(self, sql_source: SqlSource) -> tuple[str, str]:
        return condition_of(sql_source)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a SQL source with its runs."""
        sql_source: SqlSource = self.found_or_404(request, object_id)
        kind, words = condition_of(sql_source)
        may_see = request.user.has_perm(SEE_CONTACTS)
        return self.page(
            request,
            "admin/ingestion/sql_sources/sql_source.html",
            title=sql_source.name,
            row=sql_source,
            condition=words,
            is_alert=kind in ("paused", "fails"),
            # A key or an address may be the cursor.
            position=services.position_text(sql_source) if may_see else "",
            mapping=pretty(sql_source.mapping),
            runs=sql_source.runs.select_related("file_import")[:SHOWN_RUNS],
            may_change=self.has_add_permission(request),
        )

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a database and a query, show what it brings, and make the source."""
        self._require(request)
        page = SqlSourcePage(request)
        actor = staff_actor(request)
        made = page.kept(
            lambda fields: services.create_sql_source(SqlSourceDraft(**fields), actor=actor)
        )
        if made is not None:
            messages.success(request, _("The rows are read within seconds."))
            return redirect(PAGE, made.pk)
        outcome = reverse("admin:ingestion_sqlsource_new_outcome")
        return self._form_page(request, page, _("New SQL source"), reverse(LIST), outcome)

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change a SQL source; an address that is left empty stays as it is."""
        sql_source = self._changeable(request, pk)
        page = SqlSourcePage(request, sql_source)
        actor = staff_actor(request)
        changed = page.kept(
            lambda fields: services.update_sql_source(
                sql_source, actor=actor, changes=fields, now=database_now()
            )
        )
        if changed is not None:
            return redirect(PAGE, pk)
        outcome = reverse("admin:ingestion_sqlsource_outcome", args=[pk])
        return self._form_page(request, page, sql_source.name, reverse(PAGE, args=[pk]), outcome)

    def outcome(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Return what the first rows become by what was typed, as a part of the page."""
        self._require(request)
        page = SqlSourcePage(request, None if pk is None else self._changeable(request, pk))
        page.show()
        template = "admin/ingestion/sql_sources/preview.html"
        response = TemplateResponse(request, template, page.context() | {"is_part": True})
        response["Cache-Control"] = "no-store"
        return response

    def run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a worker read it now, asked by a POST."""
        sql_source = self._changeable(request, pk)
        if request.method == "POST":
            actor = staff_actor(request)
            if services.run_sql_source(sql_source, actor=actor, now=database_now()):
                messages.success(request, _("The rows are read within seconds."))
            else:
                messages.warning(request, _("It is paused: resume it first."))
        return redirect(PAGE, pk)

    def pause(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read no more, asked by a POST."""
        sql_source = self._changeable(request, pk)
        if request.method == "POST":
            services.pause_sql_source(sql_source, actor=staff_actor(request))
        return redirect(PAGE, pk)

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read again, asked by a POST."""
        sql_source = self._changeable(request, pk)
        if request.method == "POST":
            actor = staff_actor(request)
            services.resume_sql_source(sql_source, actor=actor, now=database_now())
        return redirect(PAGE, pk)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete a SQL source once it is confirmed."""
        sql_source = self._changeable(request, pk)
        form = DeleteForm(_posted(request))
        if form.is_valid():
            actor = staff_actor(request)
            services.delete_sql_source(sql_source, actor=actor, now=database_now())
            return redirect(LIST)
        question = Question(
            title=_("Delete %(name)s") % {"name": sql_source.name},
            form=form,
            submit=_("Delete"),
            back=reverse(PAGE, args=[pk]),
            warning=_("Rows that were read stay, and so do their imports."),
            is_dangerous=True,
        )
        return question_page(self, request, question)

    def _form_page(
        self, request: HttpRequest, page: SqlSourcePage, title: str, back: str, outcome: str
    ) -> HttpResponse:
        template = "admin/ingestion/sql_sources/form.html"
        context = page.context() | {"back": back, "outcome_url": outcome}
        return self.page(request, template, title=title, **context)

    def _require(self, request: HttpRequest) -> None:
        require(request, MAY_ADD)
        # Whoever maps columns sees what is in them.
        require(request, SEE_CONTACTS)

    def _changeable(self, request: HttpRequest, pk: int) -> SqlSource:
        self._require(request)
        sql_source: SqlSource = self.found_or_404(request, str(pk))
        return sql_source


def condition_of(sql_source: SqlSource) -> tuple[str, str]:
    """Return how a source stands, as a key and in words."""
    if sql_source.state == SqlSource.State.ACTIVE:
        if sql_source.fault:
            return "fails", _("fails: %(why)s") % {"why": sql_source.fault}
        return "works", _("is read")
    if sql_source.pause_reason == "staff":
        return "by_staff", _("paused by staff")
    return "paused", _("paused: %(why)s") % {"why": sql_source.pause_reason}


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
