"""Pools of codes in the admin: how many are left, and putting more into one.

Invariant: no page shows a code that waits to be given.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.formatting import number
from profiles.admin.kit.unfold import display
from profiles.lib.database import database_now
from segments import services
from segments.admin.code_forms import CodesForm, NewCodesForm, NewPoolForm, PoolForm
from segments.models import CodePool

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_codepool_change"
LIST = "admin:segments_codepool_changelist"


@admin.register(CodePool)
class CodePoolAdmin(ReadOnlyAdmin):
    """Pools of codes, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "key", "free", "expires_at", "created_at")
    search_fields = ("name", "key")
    ordering = ("name",)
    audit_type = "code_pool"

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "segments_codepool"
        return [
            path("<int:pk>/edit/", view(self.edit), name=f"{name}_edit"),
            path("<int:pk>/add-codes/", view(self.add_codes), name=f"{name}_add_codes"),
            path("<int:pk>/generate/", view(self.generate), name=f"{name}_generate"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        is_free = Q(codes__given_at__isnull=True)
        return super().get_queryset(request).annotate(free_codes=Count("codes", filter=is_free))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    @display(description=gettext_lazy("free"))
    def free(self, row: Any) -> str:
        return number(row.free_codes)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a pool, and make it."""
        require(request, ADD)
        form = NewPoolForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                row = services.create_pool(actor=staff_actor(request), **form.cleaned_data)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, row.pk)
        return self._ask(request, form, _("New pool of codes"), _("Make"), reverse(LIST))

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change what a pool is for."""
        row = self._changeable(request, pk)
        initial = {name: getattr(row, name) for name in PoolForm.base_fields}
        form = PoolForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            try:
                services.update_pool(row, actor=staff_actor(request), changes=form.cleaned_data)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, pk)
        title = _("Change %(name)s") % {"name": row.name}
        return self._ask(request, form, title, _("Save"), reverse(PAGE, args=[pk]))

    def add_codes(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for codes, and put them into a pool."""
        row = self._changeable(request, pk)
        is_sent = request.method == "POST"
        form = CodesForm(request.POST if is_sent else None, request.FILES if is_sent else None)
        return self._fill(request, row, form, _("Put codes into %(name)s"), services.add_codes)

    def generate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask how many codes to make, and put them into a pool."""
        row = self._changeable(request, pk)
        form = NewCodesForm(request.POST if request.method == "POST" else None)
        return self._fill(request, row, form, _("Make codes for %(name)s"), services.generate_codes)

    def _fill(
        self,
        request: HttpRequest,
        row: CodePool,
        form: forms.Form,
        title: str,
        service: Callable[..., int],
    ) -> HttpResponse:
        if form.is_valid():
            content: Mapping[str, Any] = form.cleaned_data
            try:
                added = service(row, actor=staff_actor(request), **content)
            except services.SegmentError as error:
                form.add_error(None, f"{error.field}: {error.detail}")
            else:
                text = ngettext("%(count)d new code.", "%(count)d new codes.", added)
                messages.success(request, text % {"count": added})
                return redirect(PAGE, row.pk)
        back = reverse(PAGE, args=[row.pk])
        return self._ask(request, form, title % {"name": row.name}, _("Put into the pool"), back)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how many codes a pool has, and what for."""
        row: CodePool = self.found_or_404(request, object_id)
        now, stock = database_now(), services.stock_of(row)
        return self.page(
            request,
            "admin/segments/code_pool.html",
            title=row.name,
            row=row,
            stock=stock,
            is_low=stock.free < row.alert_below,
            is_over=row.expires_at is not None and row.expires_at <= now,
            may_change=request.user.has_perm(CHANGE),
        )

    def _ask(
        self, request: HttpRequest, form: forms.Form, title: str, submit: str, back: str
    ) -> HttpResponse:
        question = Question(title=title, form=form, submit=submit, back=back)
        return question_page(self, request, question)

    def _changeable(self, request: HttpRequest, pk: int) -> CodePool:
        require(request, CHANGE)
        row: CodePool = self.found_or_404(request, str(pk))
        return row
