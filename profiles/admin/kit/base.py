"""What all admin lists and pages share: bounded counts, read-only models, forms that ask before acting, secrets shown once.

Invariant: no list counts a big table, and nothing here writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from profiles.admin.kit import sql
from profiles.admin.kit.masks import mask_for

# Browsing stops here: an offset costs what it skips. Whoever looks for one row further down finds it by name.
MOST_LISTED = 10_000


class BoundedPaginator(Paginator):
    """Counts up to `MOST_LISTED` rows and no further."""

    @cached_property
    def count(self) -> int:
        listed: QuerySet[Any] = self.object_list
        return listed.order_by()[:MOST_LISTED].count()


class BoundedList(ChangeList):
    """A page of a list. The number of rows without filters is not asked for where there are none."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.has_active_filters and not self.query:
            self.full_result_count = self.result_count


class TesseraAdmin(ModelAdmin):
    """The manners of every list here: pages of 50, bounded counts, no deletion unless a class allows it."""

    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deletion of many, which bypasses services."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> TemplateResponse:
        """A page of this model's own, in the frame of the admin."""
        request.current_app = self.admin_site.name
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "model_admin": self,
        }
        return TemplateResponse(request, template, {**frame, **context})

    def found_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row. Raises PermissionDenied for who may not view it, and Http404 where there is none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found


class ReadOnlyAdmin(TesseraAdmin):
    """Rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class MaskedList(BoundedList):
    """A page whose rows know what this user may see of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        mask = mask_for(request)
        self.result_list = list(self.result_list)
        for row in self.result_list:
            row.mask = mask


class MaskedAdmin(ReadOnlyAdmin):
    """Read-only rows that show something of a person: every row has its `mask`."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MaskedList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.mask = mask_for(request)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked before something is done: the form, what it will mean, and the word on the button."""

    title: str
    form: forms.Form
    submit: str
    back: str
    warning: str = ""
    counts: Mapping[str, int] | None = None
    is_dangerous: bool = False


def question_page(
    admin: TesseraAdmin, request: HttpRequest, question: Question
) -> TemplateResponse:
    """The question as a page; its form posts to the same address."""
    return admin.page(request, "admin/tessera/ask.html", title=question.title, question=question)


def show_secret(
    admin: TesseraAdmin, request: HttpRequest, *, title: str, secret: str, back: str
) -> HttpResponse:
    """A secret, once: in this answer alone, and in no session, cookie or log."""
    answer = admin.page(request, "admin/tessera/secret.html", title=title, secret=secret, back=back)
    answer["Cache-Control"] = "no-store"
    return answer


def require(request: HttpRequest, permission: str) -> None:
    """Raises PermissionDenied where the user lacks `app.codename`."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def estimated_rows(table: str) -> int | None:
    """About how many rows a table has, by the planner's statistics; None where it has none of some part."""
    with connection.cursor() as cursor:
        cursor.execute(sql.ESTIMATED_ROWS, {"table": table})
        rows, is_unknown = cursor.fetchone()
        return None if is_unknown else rows


def about(queryset: QuerySet[Any]) -> str:
    """The number of rows in words: exact where small, ≈ where the table is big."""
    exact = queryset.order_by()[: MOST_LISTED + 1].count()
    if exact <= MOST_LISTED:
        return f"{exact:,}"
    estimate = estimated_rows(queryset.model._meta.db_table)
    return f"≈ {estimate:,}" if estimate else f"over {MOST_LISTED:,}"
