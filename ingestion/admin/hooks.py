"""Webhooks of shops and tools in the admin: which there are, and connecting one more."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ingestion.admin.hook_address import MAY_CONNECT, SourceForm, make_address, show_address
from ingestion.admin.hook_mapping import CUSTOM, HookMappingAdmin
from ingestion.models import Hook
from ingestion.services import delete_hook, load_preset, preset_keys, replace_address
from profiles.admin.kit.base import Question, question_page, require, staff_actor
from profiles.admin.kit.unfold import display


class HookForm(SourceForm):
    """The tool, the key of the source that it becomes, and the secret that the tool signs by."""

    field_order = ("preset", "key", "name", "secret")
    preset = forms.ChoiceField(label=gettext_lazy("Shop or tool"), widget=UnfoldAdminSelectWidget)
    secret = forms.CharField(
        label=gettext_lazy("Its signing secret"),
        # Certificates are part of some.
        max_length=20_000,
        required=False,
        widget=forms.PasswordInput(attrs=UnfoldAdminTextInputWidget().attrs, render_value=False),
        help_text=gettext_lazy(
            "The tool signs with it, so that nobody else can send. It is sealed, and never shown."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        # One of your own has a mapping, which has an editor.
        tools = [(key, load_preset(key).title) for key in preset_keys() if key != CUSTOM]
        self.fields["preset"].choices = tools  # type: ignore[attr-defined]


@admin.register(Hook)
class HookAdmin(HookMappingAdmin):
    """The addresses to which shops and tools send."""

    list_display = ("source", "tool", "prefix", "created_at")
    list_select_related = ("source",)
    sortable_by = ()
    fields = ("source", "preset", "prefix", "kinds", "created_at")
    readonly_fields = fields
    list_before_template = "admin/ingestion/connect_link.html"
    change_form_outer_before_template = "admin/ingestion/hooks/mapping_link.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("connect/", view(self.connect), name="ingestion_hook_connect"),
            path("<int:pk>/replace/", view(self.replace), name="ingestion_hook_replace"),
            path("<int:pk>/end/", view(self.end), name="ingestion_hook_end"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        extra = {**(extra_context or {}), "may_connect": request.user.has_perm(MAY_CONNECT)}
        return super().changelist_view(request, extra)

    def shown_beside(self, request: HttpRequest, row: Hook) -> dict[str, object]:
        may_connect = request.user.has_perm(MAY_CONNECT)
        return {"may_connect": may_connect, "may_map": row.preset == CUSTOM and may_connect}

    @display(description=gettext_lazy("tool"))
    def tool(self, hook: Hook) -> str:
        return load_preset(hook.preset).title

    def connect(self, request: HttpRequest) -> HttpResponse:
        """Create a source with an address on POST, and show it, which is in this response alone."""
        require(request, MAY_CONNECT)
        form = HookForm(request.POST or None)
        back = reverse("admin:ingestion_hook_changelist")
        if request.method == "POST" and form.is_valid():
            shown = make_address(self, request, form)
            if shown is not None:
                return shown
        question = Question(
            title=_("Connect a shop or tool"), form=form, submit=_("Make its address"), back=back
        )
        return question_page(self, request, question)

    def replace(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make another address on POST, and show it, which is in this response alone."""
        hook = self._changeable(request, pk)
        if request.method == "POST":
            token = replace_address(hook, actor=staff_actor(request))
            return show_address(self, request, hook.source, token)
        warning = _("What is sent to the former address is unknown from now on, and answered 404.")
        question = Question(
            title=_("Another address of %(source)s") % {"source": hook.source},
            form=forms.Form(),
            submit=_("Make another address"),
            back=reverse("admin:ingestion_hook_change", args=[pk]),
            warning=warning,
            is_dangerous=True,
        )
        return question_page(self, request, question)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take nothing more to an address, once it is confirmed."""
        hook = self._changeable(request, pk)
        if request.method == "POST":
            delete_hook(hook, actor=staff_actor(request))
            return redirect("admin:ingestion_hook_changelist")
        question = Question(
            title=_("Remove the address of %(source)s") % {"source": hook.source},
            form=forms.Form(),
            submit=_("Remove"),
            back=reverse("admin:ingestion_hook_change", args=[pk]),
            warning=_("Nothing more is taken to it. The source stays, with what it said."),
            is_dangerous=True,
        )
        return question_page(self, request, question)

    def _changeable(self, request: HttpRequest, pk: int) -> Hook:
        require(request, MAY_CONNECT)
        hook: Hook = self.found_or_404(request, str(pk))
        return hook
