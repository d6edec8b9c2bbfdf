"""Segments in the admin: the list with sizes and their way, the page with form, preview, members and history.

Invariant: whatever is saved goes through the services, and a preview saves nothing.
"""

from typing import Any
from uuid import UUID

from celery import current_app
from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from kombu.exceptions import OperationalError
from unfold.decorators import display
from unfold.views import ChangeList

from profiles.admin.kit.base import BoundedList, Question, TesseraAdmin, question_page, require
from profiles.admin.kit.masks import mask_for
from profiles.models import Profile
from segments.admin import segment_page
from segments.admin.forms import GUIDE, SegmentForm, formatted_definition
from segments.admin.preview import PreviewResult, preview_text
from segments.admin.why import Branch, branch_of
from segments.language.operands import DefinitionError
from segments.models import Segment, SegmentVersion
from segments.services import (
    SegmentError,
    archive_segment,
    create_segment,
    dependants,
    update_segment,
    why,
)

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
Status = Segment.Status


class SegmentList(BoundedList):
    """A page of segments with the way of their sizes: one query more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        lines = segment_page.sparklines([segment.pk for segment in rows], timezone.now())
        for segment in rows:
            segment.line = lines.get(segment.pk, "")
        self.result_list = rows


@admin.register(Segment)
class SegmentAdmin(TesseraAdmin):
    """Who belongs where."""

    form = SegmentForm
    list_display = ("named", "size_shown", "way", "purpose_shown", "status_shown", "refreshed_at")
    list_filter = ("status", "purpose")
    search_fields = ("name", "key")
    list_select_related = ("purpose",)
    ordering = ("name",)
    change_form_outer_before_template = "admin/segments/head.html"
    change_form_after_template = "admin/segments/try.html"
    change_form_outer_after_template = "admin/segments/body.html"
    shown = ("key", "name", "description", "purpose", "status", "definition_shown")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SegmentList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("preview/", view(self.preview), name="segments_segment_preview"),
            path("<int:pk>/rebuild/", view(self.rebuild), name="segments_segment_rebuild"),
            path("<int:pk>/archive/", view(self.archive), name="segments_segment_archive"),
            path("<int:pk>/why/<int:profile_id>/", view(self.why), name="segments_segment_why"),
            *super().get_urls(),
        ]

    @display(description="segment", header=True, ordering="name")
    def named(self, segment: Segment) -> list[str]:
        return [segment.name, segment.key]

    @display(description="size", ordering="size")
    def size_shown(self, segment: Segment) -> str:
        return f"{segment.size:,}"

    @display(description="sixty days")
    def way(self, segment: Any) -> SafeString:
        line: SafeString = segment.line
        return line

    @display(description="purpose", ordering="purpose__key")
    def purpose_shown(self, segment: Segment) -> str:
        return segment.purpose.key if segment.purpose else "internal"

    @display(
        description="status",
        ordering="status",
        label={"live": "success", "draft": "info", "archived": "warning"},
    )
    def status_shown(self, segment: Segment) -> str:
        return segment.status

    @display(description="definition")
    def definition_shown(self, segment: Segment) -> str:
        return format_html('<pre class="t-code">{}</pre>', formatted_definition(segment.definition))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """An archived segment does not change."""
        is_archived = isinstance(obj, Segment) and obj.status == Status.ARCHIVED
        return not is_archived and super().has_change_permission(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("key",) if self.has_change_permission(request, obj) else self.shown

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        may_write = obj is None or self.has_change_permission(request, obj)
        return [(None, {"fields": SegmentForm.Meta.fields if may_write else self.shown})]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form. A change that came too late is told, not lost in an error."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (SegmentError, DefinitionError) as error:
            messages.error(request, str(error))
            return redirect(request.path)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form in the middle of what there is to know."""
        context |= {"trial_url": reverse("admin:segments_segment_preview"), "guide": GUIDE}
        if isinstance(segment := kwargs.get("obj"), Segment):
            context |= self.picture(request, segment)
        return super().render_change_form(request, context, *args, **kwargs)

    def picture(self, request: HttpRequest, segment: Segment) -> dict[str, Any]:
        """Curve, members, entries and exits, versions, and who leans on it. Eight queries."""
        mask = mask_for(request)
        after = request.GET.get("after", "")
        is_live = segment.status == Status.LIVE
        may_change = request.user.has_perm(CHANGE)
        return {
            "segment": segment,
            "curve": segment_page.size_curve(segment, timezone.now()),
            "members": segment_page.members(
                segment, mask, after=int(after) if after.isdecimal() and len(after) < 18 else 0
            ),
            "changes": segment_page.changes(segment, mask),
            "versions": [
                (version, formatted_definition(version.definition))
                for version in SegmentVersion.objects.filter(segment=segment)
            ],
            "dependants": dependants(segment.key),
            "may_rebuild": may_change and is_live,
            "may_archive": may_change and segment.status != Status.ARCHIVED,
        }

    def save_model(
        self, request: HttpRequest, obj: Segment, form: SegmentForm, change: Any
    ) -> None:
        author = request.user.get_username()
        said = {name: form.cleaned_data[name] for name in form.cleaned_data if name != "key"}
        if change:
            update_segment(obj, author=author, changes=said)
        else:
            obj.pk = create_segment(key=form.cleaned_data["key"], author=author, **said).pk

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Who would be in by the definition in the form. Part of the page for htmx, a page of its own without it."""
        if not (request.user.has_perm(ADD) or request.user.has_perm(CHANGE)):
            require(request, CHANGE)
        segment = Segment.objects.filter(key=request.POST.get("segment", "")).first()
        trial = preview_text(request.POST.get("definition", ""), segment)
        context = {"trial": trial, "sample": self.sample(request, trial)}
        if request.headers.get("HX-Request"):
            page = self.page(request, "admin/segments/trial.html", title="Preview", **context)
        else:
            page = self.page(request, "admin/segments/trial_page.html", title="Preview", **context)
        return page

    def sample(self, request: HttpRequest, trial: PreviewResult) -> list[segment_page.Member]:
        mask, uuids = mask_for(request), list[UUID](trial.sample)
        people = Profile.objects.filter(uuid__in=uuids, is_restricted=False)
        return [segment_page.member(profile, mask, profile.last_seen_at) for profile in people]

    def rebuild(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a worker evaluate everybody again."""
        require(request, CHANGE)
        segment = self.found_or_404(request, str(pk))
        if request.method == "POST":
            try:
                current_app.send_task("segments.rebuild", [segment.pk], retry=False)
                messages.success(request, "A worker rebuilds it now.")
            except (OperationalError, OSError):
                messages.error(request, "No worker can be reached. Try again.")
        return redirect("admin:segments_segment_change", pk)

    def archive(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End the segment, once that is confirmed."""
        require(request, CHANGE)
        segment = self.found_or_404(request, str(pk))
        back = reverse("admin:segments_segment_change", args=[pk])
        if request.method != "POST":
            question = Question(
                title=f"Archive {segment.name}?",
                form=forms.Form(),
                submit="Archive",
                back=back,
                warning="Its memberships are closed and its history stays. It cannot be opened again.",
                counts={"Members": segment.size},
                is_dangerous=True,
            )
            return question_page(self, request, question)
        try:
            archive_segment(segment, author=request.user.get_username())
            messages.success(request, f"{segment.name} is archived.")
        except SegmentError as error:
            messages.error(request, error.detail)
        return redirect(back)

    def why(self, request: HttpRequest, pk: int, profile_id: int) -> HttpResponse:
        """Why somebody is in or out, node by node, and when that will flip."""
        segment = self.found_or_404(request, str(pk))
        require(request, "profiles.view_profile")
        profile = get_object_or_404(Profile, pk=profile_id, is_restricted=False)
        mask = mask_for(request)
        reasons = why(segment, profile)
        tree: Branch = branch_of(reasons.tree, mask)
        return self.page(
            request,
            "admin/segments/why.html",
            title=f"Why {segment.name}?",
            segment=segment,
            person=segment_page.member(profile, mask, profile.last_seen_at),
            reasons=reasons,
            tree=tree,
        )
