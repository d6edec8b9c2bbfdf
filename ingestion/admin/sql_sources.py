"""SQL sources in the admin: which there are, the form with its preview, and the runs of each.

Invariant: a query brings what names people, so that only whoever may import and see contact data
makes, changes or tries one; its address is shown to nobody.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingestion import services
from ingestion.admin.sql_forms import DeleteForm, SqlSourceForm, pretty
from ingestion.models import SqlSource
from ingestion.services import MappingFaults, SqlFault, SqlSourceDraft, WrongSqlSource
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
            "run": self.run,
            "pause": self.pause,
            "resume": self.resume,
            "end": self.end,
        }
        view = self.admin_site.admin_view
        return [
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
        form = SqlSourceForm(_posted(request))
        context = self._tried(form, request, None)
        if form.is_valid() and "save" in request.POST:
            try:
                draft = SqlSourceDraft(**form.fields_of_service())
                made = services.create_sql_source(draft, actor=staff_actor(request))
            except (WrongSqlSource, MappingFaults) as error:
                form.show_fault(error)
            else:
                messages.success(request, _("The rows are read within seconds."))
                return redirect(PAGE, made.pk)
        return self._form_page(request, form, _("New SQL source"), reverse(LIST), context)

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change a SQL source; an address that is left empty stays as it is."""
        sql_source = self._changeable(request, pk)
        form = SqlSourceForm(_posted(request), sql_source=sql_source)
        context = self._tried(form, request, sql_source)
        if form.is_valid() and "save" in request.POST:
            try:
                services.update_sql_source(
                    sql_source,
                    actor=staff_actor(request),
                    changes=form.fields_of_service(),
                    now=database_now(),
                )
            except (WrongSqlSource, MappingFaults) as error:
                form.show_fault(error)
            else:
                return redirect(PAGE, pk)
        back = reverse(PAGE, args=[pk])
        return self._form_page(request, form, sql_source.name, back, context)

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

    def _tried(
        self, form: SqlSourceForm, request: HttpRequest, sql_source: SqlSource | None
    ) -> dict[str, Any]:
        """Return what trying the form shows; where it has no mapping, one is proposed."""
        if not form.is_valid():
            return {}
        if form.cleaned_data["mapping"] is not None and "try" not in request.POST:
            return {}
        try:
            is_kept = sql_source is not None and not form.cleaned_data["url"]
            draft = form.draft(services.draft_of(sql_source) if sql_source and is_kept else None)
            if draft.mapping is None:
                mapping = services.proposed_sql_mapping(
                    draft.url, draft.query, draft.cursor_column, draft.source
                )
                form.propose(mapping)
                form.add_error("mapping", _("This is likely meant. Look at it, and try it."))
                return {}
            return {"preview": services.preview_sql_source(draft, now=database_now())}
        except (WrongSqlSource, MappingFaults) as error:
            form.show_fault(error)
        except SqlFault as fault:
            why = _("The database did not answer the query: %(why)s.") % {"why": fault.word}
            form.add_error(None, why)
        return {}

    def _form_page(
        self,
        request: HttpRequest,
        form: SqlSourceForm,
        title: str,
        back: str,
        context: dict[str, Any],
    ) -> HttpResponse:
        template = "admin/ingestion/sql_sources/form.html"
        if preview := context.get("preview"):
            context["rows"] = [
                (row, pretty(row.message) if row.message is not None else "")
                for row in preview.rows
            ]
        return self.page(request, template, title=title, form=form, back=back, **context)

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
