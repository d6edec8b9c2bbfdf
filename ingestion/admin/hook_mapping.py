"""The editor of a webhook's mapping, which shows what a pasted delivery becomes while one types.

Invariant: until it is saved nothing is stored, and of the pasted delivery nothing ever is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ingestion.admin.hook_address import MAY_CONNECT, SourceForm, make_address
from ingestion.admin.hook_forms import SampleForm, fact_formset, kinds_in, with_more_facts
from ingestion.admin.sql_forms import pretty
from ingestion.models import Hook
from ingestion.services import MappingTrial, change_hook, parse_kinds, propose_fact, try_mapping
from profiles.admin.kit.base import ReadOnlyAdmin, require, staff_actor

CUSTOM = "custom"


class OwnHookForm(SourceForm):
    """The source that a webhook of one's own becomes, and the secret that signs."""

    secret = forms.CharField(
        label=gettext_lazy("Its signing secret"),
        max_length=20_000,
        # What was typed stays while messages are added; the page is stored nowhere.
        widget=forms.PasswordInput(
            attrs={**UnfoldAdminTextInputWidget().attrs, "autocomplete": "new-password"},
            render_value=True,
        ),
        help_text=gettext_lazy("X-Signature is sha256= and the HMAC-SHA256 of the body by it."),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the sample becomes, as shown: each message with whether the tool vouches for it."""

    trial: MappingTrial | None = None
    messages: tuple[tuple[str, bool, str], ...] = ()
    has_faults: bool = False


class HookMappingAdmin(ReadOnlyAdmin):
    """The pages of the mapping editor."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("own/", view(self.make_own), name="ingestion_hook_own"),
            path("own/outcome/", view(self.outcome), name="ingestion_hook_outcome"),
            path("<int:pk>/mapping/", view(self.change_mapping), name="ingestion_hook_mapping"),
            *super().get_urls(),
        ]

    def make_own(self, request: HttpRequest) -> HttpResponse:
        """Write a mapping, and make the address that takes deliveries by it."""
        require(request, MAY_CONNECT)
        # What was typed is judged once it is to be saved.
        head = OwnHookForm(
            request.POST if "save" in request.POST else None, initial=request.POST.dict()
        )
        facts = fact_formset(_posted(request))
        # Both, so that all faults are shown at once.
        if "save" in request.POST and all([head.is_valid(), facts.is_valid()]):
            shown = make_address(self, request, head, preset=CUSTOM, kinds=kinds_in(facts))
            if shown is not None:
                return shown
        title = _("A webhook of your own")
        back = reverse("admin:ingestion_hook_changelist")
        return self._editor(request, facts, title=title, head=head, back=back)

    def change_mapping(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Change what deliveries to an address mean from now on."""
        require(request, MAY_CONNECT)
        hook: Hook = self.found_or_404(request, str(pk))
        back = reverse("admin:ingestion_hook_change", args=[hook.pk])
        if hook.preset != CUSTOM:
            return redirect(back)
        facts = fact_formset(_posted(request), kinds=hook.kinds)
        if "save" in request.POST and facts.is_valid():
            change_hook(hook, kinds=kinds_in(facts), actor=staff_actor(request))
            self.message_user(request, _("Deliveries are mapped by it from now on."))
            return redirect(back)
        title = _("Mapping of %(source)s") % {"source": hook.source}
        return self._editor(request, facts, title=title, back=back)

    def outcome(self, request: HttpRequest) -> HttpResponse:
        """Return what the sample becomes, and the fault of each field, as parts of the page."""
        require(request, MAY_CONNECT)
        facts, sample = fact_formset(_posted(request)), SampleForm(_posted(request))
        context = {
            "outcome": outcome_of(facts, sample),
            "forms": [sample, *facts.forms] if facts.is_bound else [],
            "is_part": True,
        }
        response = TemplateResponse(request, "admin/ingestion/hooks/outcome.html", context)
        return _unstored(response)

    def _editor(self, request: HttpRequest, facts: Any, **context: Any) -> HttpResponse:
        sample = SampleForm(_posted(request))
        outcome = outcome_of(facts, sample) if facts.is_bound else Outcome()
        is_read = sample.is_bound and sample.is_valid() and sample.cleaned_data["sample"]
        if "add" in request.POST:
            facts = with_more_facts(facts, [{"kind": "*", "call": "track"}])
        elif "propose" in request.POST and is_read:
            fields = sample.cleaned_data
            fact = propose_fact(fields["sample"], header=fields["header"])
            facts = fact_formset(kinds={"*": [fact]})
            outcome = Outcome()
        response = self.page(
            request,
            "admin/ingestion/hooks/editor.html",
            facts=facts,
            sample=sample,
            outcome=outcome,
            is_added="add" in request.POST or "propose" in request.POST,
            **context,
        )
        return _unstored(response)


def outcome_of(facts: Any, sample: SampleForm) -> Outcome:
    """Try the forms on the sample; without a right mapping or a sample there is no trial."""
    # Both, so that each shows its faults.
    is_valid = all([facts.is_valid(), sample.is_valid()])
    if not is_valid:
        return Outcome(has_faults=True)
    content = sample.cleaned_data["sample"]
    kinds = kinds_in(facts)
    if content is None or not kinds:
        return Outcome()
    trial = try_mapping(parse_kinds(kinds), content, header=sample.cleaned_data["header"])
    return Outcome(trial, tuple(_shown(trial)))


def _shown(trial: MappingTrial) -> Iterator[tuple[str, bool, str]]:
    for message in trial.messages:
        content = {name: value for name, value in message.content.items() if value is not None}
        title = str(content.get("event") or content["type"])
        yield title, message.is_verified, pretty(content)


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _unstored(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
