"""Rejected messages in the admin: by fault, one by one, mended and sent again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingestion.admin.bodies import pretty
from ingestion.admin.mending import (
    EditorForm,
    RuleForm,
    check,
    first_rule,
    left_faults,
    shown_examples,
)
from ingestion.admin.source_page import open_faults
from ingestion.admin.words import fault_in_words
from ingestion.models import RejectedMessage
from ingestion.services import (
    NotOpen,
    StillFaulty,
    fault_path,
    mend_message,
    mend_messages,
    replay_message,
    with_fault_path,
)
from profiles.admin.kit.base import MaskedAdmin, require, staff_actor
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import display

REPLAY = "ingestion.change_rejectedmessage"
MOST_FAULTS = 50
STATES = {
    "open": gettext_lazy("open"),
    "mended": gettext_lazy("mended"),
    "sent": gettext_lazy("sent"),
    **dict(RejectedMessage.Outcome.choices),
}
STATE_COLOURS = dict.fromkeys(STATES, "default") | {
    "open": "warning",
    "mended": "info",
    "sent": "info",
    "stored": "success",
}


class ReplayedFilter(admin.SimpleListFilter):
    """A filter of rejected messages by whether they were replayed."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("open")), ("replayed", _("sent again"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RejectedMessage]
    ) -> QuerySet[RejectedMessage]:
        if self.value() is None:
            return queryset
        return queryset.filter(replayed_at__isnull=self.value() == "open")


@admin.register(RejectedMessage)
class RejectedMessageAdmin(MaskedAdmin):
    """Rejected messages: a list, a page for each, and their replay."""

    list_display = ("fault", "type", "source", "rejected_at", "state")
    list_filter = (ReplayedFilter, "code", "source", "type")
    list_select_related = ("source",)
    sortable_by = ()
    actions = ("replay_selected",)
    fields = (
        "code",
        "path",
        "detail",
        "source",
        "trust",
        "type",
        "place",
        "received_at",
        "rejected_at",
        "mended_at",
        "replayed_at",
        "outcome",
        "masked_body",
    )
    readonly_fields = fields
    list_before_template = "admin/ingestion/faults.html"
    change_form_outer_before_template = "admin/ingestion/editor.html"
    audit_type = "rejected_message"

    def audit_key(self, row: RejectedMessage) -> str:
        return str(row.uuid)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedMessage]:
        rejected_messages: QuerySet[RejectedMessage] = super().get_queryset(request)
        return rejected_messages.select_related("source")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        names = {"replay": self.replay, "mend": self.mend, "check": self.check_body}
        return [
            path("fault/", view(self.fault_page), name="ingestion_rejectedmessage_fault"),
            *(
                path(f"<int:pk>/{name}/", view(page), name=f"ingestion_rejectedmessage_{name}")
                for name, page in names.items()
            ),
            *super().get_urls(),
        ]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return _may_replay(request)

    @display(description=gettext_lazy("fault"), header=True)
    def fault(self, rejected: RejectedMessage) -> list[str]:
        return [rejected.code, rejected.path or "the whole message"]

    @display(description=gettext_lazy("state"), label=STATE_COLOURS)
    def state(self, rejected: RejectedMessage) -> tuple[str, str]:
        if rejected.replayed_at:
            state = rejected.outcome or "sent"
        else:
            state = "mended" if rejected.mended_at else "open"
        return state, str(STATES[state])

    @display(description=gettext_lazy("message"))
    def masked_body(self, rejected: Any) -> str:
        return format_html('<pre class="t-code">{}</pre>', pretty(rejected.body, rejected.mask))

    @admin.action(description=gettext_lazy("Send again"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[RejectedMessage]) -> None:
        actor = staff_actor(request)
        count = sum(replay_message(rejected, actor=actor) for rejected in queryset)
        messages.success(request, _("%d sent through the inbox again.") % count)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {
            **(extra_context or {}),
            "faults": open_faults(MOST_FAULTS),
            "may_mend": _may_replay(request),
        }
        return super().changelist_view(request, extra)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        rejected = self.get_object(request, object_id) if object_id else None
        if rejected is not None and not rejected.replayed_at and request.user.has_perm(REPLAY):
            extra |= {
                "may_send": True,
                "sentence": fault_in_words(rejected.code),
                "fault_path": fault_path(rejected.path),
            }
            # Who may not see all of it could only spoil what is hidden.
            if rejected.mask.is_open:
                text = pretty(rejected.body, rejected.mask)
                verdict = check(text, source_id=rejected.source_id)
                extra |= {"editor": EditorForm({"body": text}), "verdict": verdict}
        return super().changeform_view(request, object_id, form_url, extra)

    def check_body(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say whether the text of the editor would be taken now."""
        rejected = self._editable(request, pk)
        verdict = check(request.POST.get("body", ""), source_id=rejected.source_id)
        return TemplateResponse(request, "admin/ingestion/verdict.html", {"verdict": verdict})

    def mend(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Save the text of the editor on POST, and send the message again if that is asked for."""
        rejected = self._editable(request, pk)
        back = redirect("admin:ingestion_rejectedmessage_change", pk)
        if request.method != "POST":
            return back
        raw = request.POST.get("body", "").encode(errors="replace")
        actor = staff_actor(request)
        try:
            mend_message(rejected, raw, actor=actor)
        except StillFaulty as error:
            fault = error.rejection
            sentence = fault_in_words(fault.code) or fault.detail
            messages.error(request, f"{fault.path} {sentence}".strip())
            return back
        except NotOpen:
            messages.warning(request, _("It was sent again before."))
            return back
        if "send" in request.POST:
            replay_message(rejected, actor=actor)
            messages.success(request, _("Mended, and sent through the inbox again."))
        else:
            messages.success(request, _("Mended: it can be sent again."))
        return back

    def _editable(self, request: HttpRequest, pk: int) -> Any:
        """Return the message. Raises PermissionDenied unless the user may see and send it all."""
        require(request, REPLAY)
        require(request, "profiles.view_contact_data")
        return self.found_or_404(request, str(pk))

    def fault_page(self, request: HttpRequest) -> HttpResponse:
        """Show one fault of one source, and mend its open messages by a rule on POST."""
        require(request, REPLAY)
        group = {name: request.GET.get(name, "") for name in ("source", "code", "path")}
        open_messages = self._open_messages(request, group)
        form = RuleForm(request.POST or None, initial=first_rule(group["code"], group["path"]))
        context: dict[str, Any] = {
            "form": form,
            "group": group,
            "sentence": fault_in_words(group["code"]),
            "count": open_messages.count(),
        }
        if request.method == "POST" and form.is_valid():
            is_trial = "apply" not in request.POST
            report = mend_messages(
                open_messages,
                form.operations(),
                actor=staff_actor(request),
                is_sent=True,
                is_trial=is_trial,
            )
            if not is_trial:
                text = _("%(sent)s of %(matched)s mended and sent through the inbox again.")
                numbers = {"sent": report.sent, "matched": report.matched}
                messages.success(request, text % numbers)
                return redirect("admin:ingestion_rejectedmessage_changelist")
            context |= {
                "report": report,
                "examples": shown_examples(report, mask_for(request)),
                "left": left_faults(report),
            }
        title = f"{group['code']} {group['path']}".strip()
        return self.page(request, "admin/ingestion/fault.html", title=title, **context)

    def _open_messages(self, request: HttpRequest, group: dict[str, str]) -> QuerySet[Any]:
        messages_ = with_fault_path(self.get_queryset(request)).filter(replayed_at=None)
        return messages_.filter(
            source__key=group["source"], code=group["code"], fault_path=group["path"]
        )

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one message through the inbox again, on POST, and return to the list."""
        require(request, REPLAY)
        rejected = self.found_or_404(request, str(pk))
        if request.method == "POST":
            if replay_message(rejected, actor=staff_actor(request)):
                messages.success(request, _("Sent through the inbox again."))
            else:
                messages.warning(request, _("It was sent again before."))
        return redirect("admin:ingestion_rejectedmessage_changelist")


def _may_replay(request: HttpRequest) -> bool:
    return request.user.has_perm(REPLAY)
