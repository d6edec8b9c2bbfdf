"""Base classes of all admin lists and pages, confirmation forms, and pages that show a secret.

Invariant: no list counts all rows of a big table, and nothing here writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import BooleanField, JSONField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from profiles.admin.kit.formatting import number
from profiles.admin.kit.history import history_lines
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import ChangeList, ModelAdmin, Paginator
from profiles.audit import entry_key
from profiles.lib.estimates import estimated_rows
from profiles.lib.exact_json import FormDecoder, is_storable
from profiles.models import AuditEntry
from profiles.services import Actor

# Browsing ends here, since an offset reads all rows that it skips. Rows further down are found by
# search.
MOST_LISTED = 10_000
MOST_ENTRIES = 200


def staff_actor(request: HttpRequest) -> Actor:
    """Who acts in the admin."""
    return Actor.staff(cast("User", request.user))


class ExactJSONField(forms.JSONField):
    """A field for JSON; left blank it is what a new row has, where the column is never null."""

    blank_value: Any = None

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        return self.blank_value if cleaned is None else cleaned


class BoundedPaginator(Paginator):
    """A paginator that counts at most `MOST_LISTED` rows."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)  # the stubs also allow lists
        # Without the order, which the count would sort for nothing.
        return rows.order_by()[:MOST_LISTED].count()


class BoundedList(ChangeList):
    """A page of a list whose rows are counted once, in an order that the list declares."""

    def get_ordering_field(self, field_name: Any) -> Any:
        # Django hides the link of a column that is not sortable, and sorts by it all the same.
        return (
            super().get_ordering_field(field_name)
            if field_name in (self.sortable_by or ())
            else None
        )

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except DataError:
            # Such as a time zone of sixteen hours, which ISO 8601 can write.
            raise IncorrectLookupParameters from None
        # Without filters the number of all rows is the number of results.
        if not self.has_active_filters and not self.query:
            self.full_result_count = self.result_count


class TesseraAdmin(ModelAdmin):
    """The base of all admin classes: pages of 50 rows, bounded counts, and no deletion."""

    list_per_page = 50
    formfield_overrides: ClassVar[Any] = {
        JSONField: {"form_class": ExactJSONField, "decoder": FormDecoder}
    }
    show_full_result_count = False
    paginator = BoundedPaginator
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True
    # The type under which audit entries name rows of this model; empty where there are none.
    audit_type = ""
    # The permission of another model, `app.codename`, whose holders see this one too.
    seen_with = ""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, ExactJSONField) and not db_field.null:
            field.blank_value = db_field.get_default()
        return field

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if self.seen_with:
            return request.user.has_perm(self.seen_with)
        return super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        if self.seen_with:
            return request.user.has_perm(self.seen_with)
        return super().has_module_permission(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Answer only what the list's filters ask: Django's own rule lets any field be guessed."""
        filters = self.get_list_filter(request) if request is not None else self.list_filter
        is_declared = any(lookup in self._lookups_of(item) for item in filters)
        # PostgreSQL refuses the comparison with what it cannot store.
        return is_declared and is_storable(value)

    def _lookups_of(self, item: Any) -> frozenset[str]:
        """Return the query parameters that a declared filter reads."""
        if not isinstance(item, str):
            return frozenset({item.parameter_name})
        field: Any = self.opts.get_field(item)
        path = f"{item}__{field.target_field.name}" if field.is_relation else item
        lookups = {f"{path}__exact", f"{item}__isnull"}
        if _is_date(field):
            lookups |= {f"{item}__gte", f"{item}__lt"}
        elif not (field.is_relation or field.flatchoices or isinstance(field, BooleanField)):
            # The filter that lists all values spells it so.
            lookups.add(item)
        return frozenset(lookups)

    def audit_key(self, row: Any) -> str:
        """The key under which audit entries name the row."""
        return str(row.key)

    # Audit entries, which services write, take the place of the admin's own log. The stubs expect
    # rows of it.
    def log_addition(self, *args: Any) -> None:  # type: ignore[override]
        """Write nothing."""

    def log_change(self, *args: Any) -> None:  # type: ignore[override]
        """Write nothing."""

    def log_deletions(self, *args: Any) -> None:  # type: ignore[override]
        """Write nothing."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the row, read once for a request: its check, its page and its title need it."""
        rows: dict[tuple[str | None, ...], Any] = vars(request).setdefault("_admin_rows", {})
        key = (self.opts.label, object_id, from_field)
        if key not in rows:
            rows[key] = super().get_object(request, object_id, from_field)
        return rows[key]

    # Pages of admin classes may take the row and the permission for granted.
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return super().add_view(request, *args, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if self.get_object(request, unquote(object_id)) is None:
            return self.redirect_missing(request, object_id)
        return super().change_view(request, object_id, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the form, with a link to its history where there is one, and what stands beside."""
        context["show_history"] = bool(self.audit_type)
        if (row := context.get("original")) is not None:
            context |= self.shown_beside(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def shown_beside(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the templates around a row's form show, by name."""
        return {}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit entries of one row, the latest first. Raises Http404 where there are none."""
        if not self.audit_type:
            raise Http404
        row = self.found_or_404(request, object_id)
        entries = AuditEntry.objects.filter(
            object_type=self.audit_type, object_key=entry_key(self.audit_key(row))
        )
        return self.history_page(request, row, entries)

    def history_page(
        self, request: HttpRequest, row: Any, entries: QuerySet[AuditEntry]
    ) -> HttpResponse:
        return self.page(
            request,
            "admin/tessera/history.html",
            title=_("History of %(object)s") % {"object": row},
            lines=history_lines(request, entries.select_related("body")[:MOST_ENTRIES]),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        # Deleting selected rows would bypass the services.
        actions.pop("delete_selected", None)
        return actions

    def page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> TemplateResponse:
        """Render a page of this model in the admin's layout.

        Where its address has the key of a row, the breadcrumbs name the row.
        """
        # The admin's templates reverse URLs by it.
        request.current_app = self.admin_site.name
        layout = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "model_admin": self,
            "original": self.row_of(request),
        }
        return TemplateResponse(request, template, {**layout, **context})

    def row_of(self, request: HttpRequest) -> Any:
        """Return the row whose key is in the address of the request, None if there is none."""
        match = request.resolver_match
        arguments = match.kwargs if match else {}
        key = arguments.get("pk") or arguments.get("object_id")
        return None if key is None else self.get_object(request, str(key))

    def redirect_missing(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        """Redirect to the admin's home with a message, as Django does if there is no such row."""
        # The stubs do not have this method.
        redirect: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
            request, self.opts, object_id
        )
        return redirect

    def found_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row. Raises PermissionDenied if the user may not view it, and Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row


def _is_date(field: Any) -> bool:
    return field.get_internal_type() in ("DateField", "DateTimeField")


class ReadOnlyAdmin(TesseraAdmin):
    """The base of admin classes whose rows only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class MaskedList(BoundedList):
    """A page of a list whose rows have the user's `mask`."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        mask = mask_for(request)
        # A list, since a queryset would load the rows again and lose the masks.
        rows = list(self.result_list)
        for row in rows:
            row.mask = mask
        self.result_list = rows


class MaskedAdmin(ReadOnlyAdmin):
    """The base of read-only admin classes that show personal data: every row has its `mask`."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MaskedList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.mask = mask_for(request)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A form that staff fill in before an action, with its consequences.

    `submit` is the text of the button, `back` the URL of its cancellation, and `counts` the numbers
    of rows that the action concerns.
    """

    title: str
    form: forms.Form
    submit: str
    back: str
    warning: str = ""
    counts: Mapping[str, int] | None = None
    is_dangerous: bool = False


def question_page(
    admin: TesseraAdmin,
    request: HttpRequest,
    question: Question,
    template: str = "admin/tessera/ask.html",
    **context: Any,
) -> TemplateResponse:
    """Render the question. Its form posts to the same URL.

    A template that extends the usual one may show more, by the context.
    """
    # The pickers of dates need what the admin itself loads, before what the form does.
    media = admin.media + question.form.media
    return admin.page(
        request, template, title=question.title, question=question, media=media, **context
    )


def show_secret(
    admin: TesseraAdmin,
    request: HttpRequest,
    *,
    title: str,
    secret: str,
    back: str,
    template: str = "admin/tessera/secret.html",
    **context: Any,
) -> HttpResponse:
    """Render a page with a new secret, which is in this response and nowhere else.

    A template that extends the usual one may say how the secret is used.
    """
    response = admin.page(request, template, title=title, secret=secret, back=back, **context)
    response["Cache-Control"] = "no-store"
    return response


def require(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the user has the permission `app.codename`."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def approximate_count(queryset: QuerySet[Any]) -> str:
    """Return the number of rows as text: exact up to `MOST_LISTED`, then ≈ and the estimate."""
    exact = queryset.order_by()[: MOST_LISTED + 1].count()
    if exact <= MOST_LISTED:
        return number(exact)
    estimate = estimated_rows(queryset.model._meta.db_table)
    if estimate:
        return f"≈ {number(estimate)}"
    return _("over %(number)s") % {"number": number(MOST_LISTED)}
