"""Segments in the admin: their list, and the page of each with its form, members and history.

Invariant: everything is saved through the services, and a preview saves nothing.
"""

from typing import Any

from celery import current_app
from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError

from profiles.admin.kit.base import (
    Question,
    TesseraAdmin,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import ChangeList, display
from segments.admin.builder.views import BuilderActions, require_writer, shown_builder
from segments.admin.forms import SegmentForm, fault_text, formatted_definition
from segments.admin.life import LifeActions
from segments.admin.listing import COLUMNS, ListColumns, SegmentList, StarredFilter
from segments.admin.page.decisions import DecisionActions
from segments.admin.page.export import ExportActions
from segments.admin.page.tabs import head_of
from segments.admin.page.views import TabActions
from segments.admin.preview import PreviewResult, deciding_parts, preview_text
from segments.admin.sample import SampledPerson, past_curve, purpose_key, sampled_people
from segments.admin.visibility import hiding_for
from segments.definitions.sensitivity import load_sensitivity
from segments.language.operands import DefinitionError
from segments.models import Segment
from segments.services import (
    SegmentError,
    archive_segment,
    create_segment,
    find_segment,
    unknown_words,
    update_segment,
)

CHANGE = "segments.change_segment"
Status = Segment.Status


@admin.register(Segment)
class SegmentAdmin(
    ListColumns,
    BuilderActions,
    LifeActions,
    TabActions,
    DecisionActions,
    ExportActions,
    TesseraAdmin,
):
    """Segments and their members."""

    form = SegmentForm
    audit_type = "segment"
    list_display = COLUMNS
    list_display_links = ("name_and_key",)
    list_filter = (StarredFilter, "status", "purpose", "folder", "owner")
    list_select_related = ("purpose", "owner")
    ordering = ("name",)
    actions = ("compare",)
    search_fields = ("name", "key", "folder", "tags")
    list_after_template = "admin/segments/reach.html"
    change_form_outer_before_template = "admin/segments/head.html"
    change_form_after_template = "admin/segments/builder.html"
    form_rows = (
        ("name", "key"),
        ("purpose", "status"),
        ("folder", "tags"),
        ("owner", "description"),
    )
    page_fields = (
        "key",
        "name",
        "description",
        "folder",
        "tags",
        "owner",
        "purpose",
        "status",
        "definition_block",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SegmentList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("preview/", view(self.preview), name="segments_segment_preview"),
            path("preview/past/", view(self.past), name="segments_segment_past"),
            path("preview/deciding/", view(self.deciding), name="segments_segment_deciding"),
            path("<int:pk>/rebuild/", view(self.rebuild), name="segments_segment_rebuild"),
            path("<int:pk>/archive/", view(self.archive), name="segments_segment_archive"),
            *self.list_urls(),
            *self.builder_urls(),
            *self.life_urls(),
            *self.tab_urls(),
            *self.decision_urls(),
            *self.export_urls(),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("segment"), header=True, ordering="name")
    def name_and_key(self, segment: Segment) -> list[str]:
        return [segment.name, segment.key]

    @display(description=gettext_lazy("size"), ordering="size")
    def formatted_size(self, segment: Any) -> SafeString:
        badges = format_html_join(
            " ", '<span class="t-badge t-warn">{}</span>', ((flag,) for flag in segment.flags)
        )
        return format_html("{} {}", segment.shown_size, badges)

    def get_sortable_by(self, request: HttpRequest) -> Any:
        # The order would tell a hidden size.
        columns = super().get_sortable_by(request)
        is_open = request.user.has_perm(SEE_CONTACTS)
        return columns if is_open else [name for name in columns if name != "formatted_size"]

    @display(description=gettext_lazy("sixty days"))
    def sparkline(self, segment: Any) -> SafeString:
        sparkline: SafeString = segment.sparkline
        return sparkline

    @display(description=gettext_lazy("folder and tags"), ordering="folder")
    def labels(self, segment: Segment) -> str:
        return " · ".join(filter(None, (segment.folder, *segment.tags)))

    @display(
        description=gettext_lazy("status"),
        ordering="status",
        label={"live": "success", "draft": "info", "archived": "warning", "failed": "danger"},
    )
    def status_label(self, segment: Any) -> tuple[str, str]:
        # The first is what the colour goes by, the second what is read.
        return (
            ("failed", _("failed"))
            if segment.failed_at
            else (segment.status, segment.get_status_display())
        )

    @display(description=gettext_lazy("definition"))
    def definition_block(self, segment: Segment) -> str:
        definition = getattr(segment, "shown_definition", segment.definition)
        return format_html('<pre class="t-code">{}</pre>', formatted_definition(definition))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if isinstance(obj, Segment) and (obj.status == Status.ARCHIVED or hiding_for(request)(obj)):
            return False
        return super().has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.may_count_people = request.user.has_perm(SEE_CONTACTS)
        return form

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        segment = super().get_object(request, object_id, from_field)
        if segment is not None and hiding_for(request)(segment):
            # For the page alone: who sees the mask may not save.
            segment.shown_definition = load_sensitivity().mask_operands(segment.definition)
        return segment

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("key",) if self.has_change_permission(request, obj) else self.page_fields

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        may_write = obj is None or self.has_change_permission(request, obj)
        return [(None, {"fields": self.form_rows if may_write else self.page_fields})]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (SegmentError, DefinitionError) as error:
            # The form was valid, but another segment has changed before it was saved.
            messages.error(request, str(error))
            return redirect(request.path)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Render the form below the head of the segment's page, as one of its tabs."""
        form, segment = context["adminform"].form, kwargs.get("obj")
        may_write = segment is None or self.has_change_permission(request, segment)
        if may_write and "definition" in form.fields:
            key = segment.key if isinstance(segment, Segment) else ""
            context |= shown_builder(request, form["definition"].value() or "", key)
        if isinstance(segment, Segment):
            context |= head_of(request, segment, "change")
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Segment, form: SegmentForm, change: Any
    ) -> None:
        actor = staff_actor(request)
        fields = {name: form.cleaned_data[name] for name in form.cleaned_data if name != "key"}
        if change:
            update_segment(obj, actor=actor, changes=fields)
        else:
            obj.pk = create_segment(key=form.cleaned_data["key"], actor=actor, **fields).pk
        for warning in unknown_words(fields["definition"]):
            messages.warning(request, fault_text(warning))

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show who would be a member by the definition in the form.

        The response is a part of the page for htmx, and a whole page without it.
        """
        require_writer(request)
        segment = find_segment(request.POST.get("segment", ""))
        result = preview_text(
            request.POST.get("definition", ""),
            segment,
            may_count_people=request.user.has_perm(SEE_CONTACTS),
            purpose=purpose_key(request.POST.get("purpose", "")),
        )
        context = {"result": result, "sample": self.sample(request, result)}
        if request.headers.get("HX-Request"):
            page = self.page(request, "admin/segments/trial.html", title=_("Preview"), **context)
        else:
            page = self.page(
                request, "admin/segments/trial_page.html", title=_("Preview"), **context
            )
        return page

    def sample(self, request: HttpRequest, result: PreviewResult) -> list[SampledPerson]:
        """Return some members of a previewed definition, masked."""
        return sampled_people(result.sample, mask_for(request))

    def deciding(self, request: HttpRequest) -> HttpResponse:
        """Say which conditions let people enter and leave by the definition in the form."""
        require_writer(request)
        segment = find_segment(request.POST.get("segment", ""))
        text, may_count = request.POST.get("definition", ""), request.user.has_perm(SEE_CONTACTS)
        parts = segment and deciding_parts(text, segment, may_count_people=may_count)
        return self.page(
            request, "admin/segments/deciding.html", title=_("By which condition"), parts=parts
        )

    def past(self, request: HttpRequest) -> HttpResponse:
        """Draw the sizes that the definition in the form would have had in the last 90 days."""
        require_writer(request)
        text, key = request.POST.get("definition", ""), request.POST.get("segment", "")
        may_count = request.user.has_perm(SEE_CONTACTS)
        past = past_curve(text, key, may_count_people=may_count)
        return self.page(request, "admin/segments/past.html", title=_("Past"), curve=past)

    def rebuild(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a worker evaluate the segment for everybody."""
        require(request, CHANGE)
        segment = self.found_or_404(request, str(pk))
        if request.method == "POST":
            try:
                current_app.send_task("segments.rebuild", [segment.pk], retry=False)
                messages.success(request, _("A worker rebuilds it now."))
            except (OperationalError, OSError):
                messages.error(request, _("No worker can be reached. Try again."))
        return redirect("admin:segments_segment_overview", pk)

    def archive(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for confirmation, then archive the segment."""
        require(request, CHANGE)
        segment = self.found_or_404(request, str(pk))
        back = reverse("admin:segments_segment_overview", args=[pk])
        if request.method != "POST":
            question = Question(
                title=_("Archive %(name)s?") % {"name": segment.name},
                form=forms.Form(),
                submit=_("Archive it"),
                back=back,
                warning=_(
                    "Its memberships are closed and its history stays. "
                    "It can be brought back as a draft."
                ),
                counts={} if hiding_for(request)(segment) else {_("Members"): segment.size},
                is_dangerous=True,
            )
            return question_page(self, request, question)
        try:
            archive_segment(segment, actor=staff_actor(request))
            messages.success(request, _("%(name)s is archived.") % {"name": segment.name})
        except SegmentError as error:
            messages.error(request, error.detail)
        return redirect(back)
