"""Exclusive groups of segments in the admin: which there are, and their order."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.unfold import display
from segments.admin.visibility import hiding_for
from segments.models import ExclusiveGroup, Segment
from segments.overrides.groups import segments_of
from segments.services import SegmentError, create_group, delete_group, update_group

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_exclusivegroup_change"
LIST = "admin:segments_exclusivegroup_changelist"


class GroupForm(forms.Form):
    """The name of a group, and the keys of its segments in their order."""

    name = forms.CharField(
        max_length=120, label=gettext_lazy("name"), widget=UnfoldAdminTextInputWidget()
    )
    segments = forms.CharField(
        required=False,
        label=gettext_lazy("segments"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=gettext_lazy("One key a line; a person is in the first that would have them."),
    )

    def clean_segments(self) -> list[str]:
        lines: str = self.cleaned_data["segments"]
        return lines.split()


class NewGroupForm(GroupForm):
    """The same, with the key of a new group."""

    key = forms.CharField(
        max_length=63,
        label=gettext_lazy("key"),
        validators=[*ExclusiveGroup._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
    )
    field_order = ("key", "name", "segments")


@admin.register(ExclusiveGroup)
class ExclusiveGroupAdmin(ReadOnlyAdmin):
    """Exclusive groups, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "key", "order")
    search_fields = ("name", "key")
    ordering = ("name",)
    audit_type = "exclusive_group"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/edit/", view(self.edit), name="segments_exclusivegroup_edit"),
            path("<int:pk>/end/", view(self.end), name="segments_exclusivegroup_end"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("segments")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    @display(description=gettext_lazy("order"))
    def order(self, group: ExclusiveGroup) -> str:
        rows = sorted(group.segments.all(), key=lambda row: (row.place_in_group, row.pk))
        return " → ".join(row.name for row in rows)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for the key, name and segments of a group, then make it."""
        require(request, ADD)
        form = NewGroupForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            _require_visible(request, form.cleaned_data["segments"])
            try:
                group = create_group(actor=staff_actor(request), **form.cleaned_data)
                return redirect(PAGE, group.pk)
            except SegmentError as error:
                form.add_error(error.field, error.detail)
        question = Question(
            title=_("New exclusive group"), form=form, submit=_("Make"), back=reverse(LIST)
        )
        return question_page(self, request, question)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the segments of a group in their order."""
        group: ExclusiveGroup = self.found_or_404(request, object_id)
        return self.page(
            request,
            "admin/segments/group.html",
            title=group.name,
            group=group,
            rows=segments_of(group),
            may_change=request.user.has_perm(CHANGE),
        )

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for another name, other segments or another order."""
        require(request, CHANGE)
        group: ExclusiveGroup = self.found_or_404(request, str(pk))
        keys = "\n".join(_keys_of(group))
        initial = {"name": group.name, "segments": keys}
        form = GroupForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            _require_visible(request, [*form.cleaned_data["segments"], *_keys_of(group)])
            try:
                update_group(group, actor=staff_actor(request), changes=form.cleaned_data)
                return redirect(PAGE, pk)
            except SegmentError as error:
                form.add_error(error.field, error.detail)
        question = Question(
            title=group.name, form=form, submit=_("Save"), back=reverse(PAGE, args=[pk])
        )
        return question_page(self, request, question)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a group, asked by a POST; its segments stay."""
        require(request, CHANGE)
        group: ExclusiveGroup = self.found_or_404(request, str(pk))
        if request.method != "POST":
            return redirect(PAGE, pk)
        _require_visible(request, _keys_of(group))
        delete_group(group, actor=staff_actor(request))
        messages.success(request, _("%(name)s is ended.") % {"name": group.name})
        return redirect(LIST)


def _keys_of(group: ExclusiveGroup) -> list[str]:
    return [row.key for row in segments_of(group)]


def _require_visible(request: HttpRequest, keys: Iterable[str]) -> None:
    """Raise PermissionDenied if one of the segments is hidden from the user.

    The size of a segment tells how many people another of its group takes from it.
    """
    hides = hiding_for(request)
    rows = Segment.objects.filter(key__in=keys).exclude(status=Segment.Status.ARCHIVED)
    if any(map(hides, rows)):
        raise PermissionDenied
