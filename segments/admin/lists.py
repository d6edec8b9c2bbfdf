"""Lists of people in the admin: who is on one, and putting people on it and taking them off.

Invariant: whoever may not see contact data neither names people nor sees a list that such data
chose.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, Subquery, Value
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from profiles.admin.kit.base import (
    Question,
    ReadOnlyAdmin,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.formatting import number
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import display
from profiles.lib.batches import batches
from profiles.models import Profile
from segments.admin.exporting import export_by, export_context, export_form
from segments.admin.forms import fault_text
from segments.admin.list_forms import FillForm, NewListForm, PeopleForm
from segments.admin.segment_page import Member, make_member
from segments.admin.visibility import hiding_for
from segments.language.operands import DefinitionError
from segments.models import ListedPerson, MemberExport, StaticList
from segments.services import (
    ListChange,
    SegmentError,
    add_people,
    create_list,
    delete_list,
    fill_list,
    people_on,
    remove_people,
    segments_asking,
)

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_staticlist_change"
LIST = "admin:segments_staticlist_changelist"
SHOWN = 50
AT_ONCE = 1000


class Change(NamedTuple):
    """A way to change who is on a list: the service, and the words of its question."""

    service: Callable[..., ListChange]
    title: str
    submit: str


@admin.register(StaticList)
class StaticListAdmin(ReadOnlyAdmin):
    """Lists, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "key", "people", "created_at")
    search_fields = ("name", "key")
    ordering = ("name",)
    audit_type = "list"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *(
                path(f"<int:pk>/{page}/", view(page_view), name=f"segments_staticlist_{page}")
                for page, page_view in self.pages().items()
            ),
            *super().get_urls(),
        ]

    def pages(self) -> dict[str, Callable[..., HttpResponseBase]]:
        """Return the pages of one list that do something, by name."""
        return {
            "put_on": self.put_on,
            "take_off": self.take_off,
            "fill": self.fill,
            "export": self.export,
            "end": self.end,
        }

    def get_queryset(self, request: HttpRequest) -> Any:
        people = ListedPerson.objects.filter(list_id=OuterRef("pk"), profile__is_restricted=False)
        counted = (
            people.order_by().values("list_id").annotate(count=Count("profile_id", distinct=True))
        )
        may_see = request.user.has_perm(SEE_CONTACTS)
        return (
            super()
            .get_queryset(request)
            .annotate(
                size=Subquery(counted.values("count")),
                is_hidden=Value(False) if may_see else F("is_sensitive"),
            )
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    @display(description=gettext_lazy("people"))
    def people(self, row: Any) -> str:
        return "–" if row.is_hidden else number(row.size or 0)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for the key and name of a list, then make it."""
        require(request, ADD)
        form = NewListForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                row = create_list(actor=staff_actor(request), **form.cleaned_data)
            except SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, row.pk)
        question = Question(title=_("New list"), form=form, submit=_("Make"), back=reverse(LIST))
        return question_page(self, request, question)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show who is on a list, and which segments ask for it."""
        row: StaticList = self.found_or_404(request, object_id)
        is_hidden = _is_hidden(row, request)
        return self.page(
            request,
            "admin/segments/list.html",
            title=row.name,
            row=row,
            size=0 if is_hidden else people_on(row),
            is_hidden=is_hidden,
            members=[] if is_hidden else _members(row, request),
            segments=segments_asking(row.key),
            may_change=request.user.has_perm(CHANGE) and not is_hidden,
            may_name=request.user.has_perm(CHANGE) and request.user.has_perm(SEE_CONTACTS),
        )

    def put_on(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for identifiers, and put their people on a list."""
        change = Change(add_people, _("Put people on %(name)s"), _("Put on the list"))
        return self._change_people(request, pk, change)

    def take_off(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for identifiers, and take their people off a list."""
        change = Change(remove_people, _("Take people off %(name)s"), _("Take off the list"))
        return self._change_people(request, pk, change)

    def _change_people(self, request: HttpRequest, pk: int, change: Change) -> HttpResponse:
        require(request, CHANGE)
        # Whether somebody is here is told by the answer.
        require(request, SEE_CONTACTS)
        row: StaticList = self.found_or_404(request, str(pk))
        is_sent = request.method == "POST"
        form = PeopleForm(request.POST if is_sent else None, request.FILES if is_sent else None)
        if form.is_valid():
            references = form.cleaned_data["references"]
            parts = [
                change.service(row, part, actor=staff_actor(request))
                for part in batches(references, AT_ONCE)
            ]
            _report(request, parts)
            return redirect(PAGE, pk)
        return self._ask(request, row, form, change.title, change.submit)

    def fill(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a segment, and put its members on a list."""
        require(request, CHANGE)
        row: StaticList = self.found_or_404(request, str(pk))
        if _is_hidden(row, request):
            # The answer would tell how many of the members are on it.
            raise PermissionDenied
        form = FillForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            segment = form.cleaned_data["segment"]
            if hiding_for(request)(segment):
                raise PermissionDenied
            try:
                definition = {"type": "segment", "key": segment.key}
                _report(request, [fill_list(row, definition, actor=staff_actor(request))])
                return redirect(PAGE, pk)
            except DefinitionError as error:
                form.add_error(None, list(map(fault_text, error.errors)))
        return self._ask(request, row, form, _("Put members on %(name)s"), _("Put on the list"))

    def export(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for format, purpose and columns, then stream the file of who is on a list."""
        require(request, CHANGE)
        row: StaticList = self.found_or_404(request, str(pk))
        if _is_hidden(row, request):
            raise PermissionDenied
        form = export_form(request, None)
        if form.is_bound and form.is_valid() and (response := export_by(request, form, list=row)):
            return response
        return self.page(
            request,
            "admin/segments/list_export.html",
            title=_("Export %(name)s") % {"name": row.name},
            exports=MemberExport.objects.filter(list=row).select_related("purpose")[:SHOWN],
            **export_context(request, form, people_on(row)),
        )

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete a list, asked by a POST."""
        require(request, CHANGE)
        row: StaticList = self.found_or_404(request, str(pk))
        if request.method == "POST":
            try:
                delete_list(row, actor=staff_actor(request))
            except SegmentError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, _("%(name)s is deleted.") % {"name": row.name})
                return redirect(LIST)
        return redirect(PAGE, pk)

    def _ask(
        self, request: HttpRequest, row: StaticList, form: forms.Form, title: str, submit: str
    ) -> HttpResponse:
        question = Question(
            title=title % {"name": row.name},
            form=form,
            submit=submit,
            back=reverse(PAGE, args=[row.pk]),
        )
        return question_page(self, request, question)


def _is_hidden(row: StaticList, request: HttpRequest) -> bool:
    return row.is_sensitive and not request.user.has_perm(SEE_CONTACTS)


def _members(row: StaticList, request: HttpRequest) -> list[Member]:
    """Return the people who were put on a list last. Takes two queries."""
    listed = ListedPerson.objects.filter(list=row, profile__is_restricted=False)
    added = dict(listed.order_by("-added_at").values_list("profile_id", "added_at")[:SHOWN])
    profiles = Profile.objects.in_bulk(added)
    mask = mask_for(request)
    return [
        make_member(profiles[profile_id], mask, added_at)
        for profile_id, added_at in added.items()
        if profile_id in profiles
    ]


def _report(request: HttpRequest, parts: list[ListChange]) -> None:
    people = sum(part.people for part in parts)
    messages.success(
        request, ngettext("%(count)d person.", "%(count)d people.", people) % {"count": people}
    )
    if unknown := sum(len(part.unknown) for part in parts):
        text = ngettext(
            "%(count)d identifier names nobody.", "%(count)d identifiers name nobody.", unknown
        )
        messages.warning(request, text % {"count": unknown})
