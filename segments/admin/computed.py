"""Computed traits in the admin: what each is, how far it is, and who asks for it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.admin.kit.base import ReadOnlyAdmin, require, staff_actor
from profiles.admin.kit.unfold import display
from profiles.lib import exact_json
from profiles.models import ComputedValue, TraitDefinition
from segments.admin.builder.operations import Operation
from segments.admin.builder.suggestions import Search, Suggestion
from segments.admin.flow import building, quantities
from segments.admin.flow.pages import BuilderAdmin
from segments.admin.forms import DefinitionFormField, fault_text
from segments.language.operands import DefinitionError
from segments.models import ComputedTrait
from segments.services import (
    SegmentError,
    create_computed_trait,
    end_computed_trait,
    segments_asking_trait,
    update_computed_trait,
)

VIEW, ADD, CHANGE = "segments.view_segment", "segments.add_segment", "segments.change_segment"
PAGE = "admin:segments_computedtrait_change"
LIST = "admin:segments_computedtrait_changelist"
STATE_COLOURS = {
    "failed": "danger",
    "ending": "warning",
    "under_way": "info",
    "complete": "success",
}


class ComputedTraitForm(forms.Form):
    """What is computed of which events. Cleaned, it has the `definition`."""

    label = forms.CharField(
        label=gettext_lazy("label"),
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Such as Orders in total."),
    )
    category = forms.ChoiceField(
        label=gettext_lazy("category"),
        choices=TraitDefinition.Category.choices,
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("It is at least that of the property."),
    )

    definition = DefinitionFormField(initial=quantities.EMPTY)

    class Media:
        js = ("segments/builder.js",)

    def clean_definition(self) -> Any:
        definition = self.cleaned_data["definition"]
        if faults := quantities.faults_of(definition):
            raise forms.ValidationError(list(map(fault_text, faults)))
        return definition


class NewComputedTraitForm(ComputedTraitForm):
    """The same, with the key of a new trait."""

    key = forms.CharField(
        label=gettext_lazy("key"),
        max_length=63,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Such as orders_in_total."),
    )
    field_order = ("key", "label", "category", "definition")


@admin.register(ComputedTrait)
class ComputedTraitAdmin(BuilderAdmin, ReadOnlyAdmin):
    """Computed traits, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("label_and_key", "sentence", "state", "created_at")
    list_select_related = ("trait",)
    search_fields = ("trait__key", "trait__label")
    ordering = ("trait__key",)
    audit_type = "computed_trait"
    tree_template = "admin/segments/flow/quantity.html"
    rail_template = "admin/segments/flow/quantity_rail.html"
    empty = quantities.EMPTY

    def built(self, text: str, operation: Operation) -> quantities.BuiltQuantity:
        return quantities.build(text, operation)

    def suggested(self, search: Search) -> list[Suggestion]:
        return building.suggest(search)

    def told(self, request: HttpRequest, definition: Any) -> dict[str, Any]:
        return quantities.tell(definition)

    def audit_key(self, row: ComputedTrait) -> str:
        return row.trait.key

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/edit/", view(self.edit), name="segments_computedtrait_edit"),
            path("<int:pk>/end/", view(self.end), name="segments_computedtrait_end"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    @display(description=gettext_lazy("trait"), header=True, ordering="trait__key")
    def label_and_key(self, row: ComputedTrait) -> list[str]:
        trait = row.trait
        return [trait.label or trait.key, trait.key if trait.label else ""]

    @display(description=gettext_lazy("what it is"))
    def sentence(self, row: ComputedTrait) -> str:
        return sentence_of(row)

    @display(description=gettext_lazy("state"), label=STATE_COLOURS)
    def state(self, row: ComputedTrait) -> tuple[str, str]:
        return state_of(row)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask what is computed of which events, then make the trait."""
        require(request, ADD)
        form = NewComputedTraitForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                row = create_computed_trait(actor=staff_actor(request), **form.cleaned_data)
                return redirect(PAGE, row.pk)
            except (SegmentError, DefinitionError) as error:
                _add_fault(form, error)
        return self.form_page(
            request, form, title=_("New computed trait"), submit=_("Make"), back=reverse(LIST)
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what the trait is, how far it is, and which segments ask for it."""
        row: ComputedTrait = self.found_or_404(request, object_id)
        word, state = state_of(row)
        return self.page(
            request,
            "admin/segments/computed_trait.html",
            title=row.trait.label or row.trait.key,
            row=row,
            trait=row.trait,
            sentence=sentence_of(row),
            state=state,
            is_sound=word != "failed",
            people=ComputedValue.objects.filter(trait=row.trait_id).count(),
            segments=segments_asking_trait(row.trait.key),
            may_change=request.user.has_perm(CHANGE) and not row.is_ending,
        )

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for another label, category or definition."""
        require(request, CHANGE)
        row: ComputedTrait = self.found_or_404(request, str(pk))
        form = ComputedTraitForm(
            request.POST if request.method == "POST" else None, initial=_initial(row)
        )
        if form.is_valid():
            try:
                update_computed_trait(row, actor=staff_actor(request), changes=form.cleaned_data)
                return redirect(PAGE, pk)
            except (SegmentError, DefinitionError) as error:
                _add_fault(form, error)
        title, back = row.trait.label or row.trait.key, reverse(PAGE, args=[pk])
        warning = _("Everybody with such events is computed anew; segments follow.")
        return self.form_page(
            request, form, title=title, submit=_("Save"), back=back, warning=warning
        )

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a trait, asked by a POST; its values go."""
        require(request, CHANGE)
        row: ComputedTrait = self.found_or_404(request, str(pk))
        if request.method != "POST":
            return redirect(PAGE, pk)
        try:
            end_computed_trait(row, actor=staff_actor(request))
        except SegmentError as error:
            messages.error(request, error.detail)
            return redirect(PAGE, pk)
        messages.success(request, _("%(name)s is ending.") % {"name": row.trait.key})
        return redirect(LIST)


def sentence_of(row: ComputedTrait) -> str:
    """Return what is computed, in the language of the reader; the JSON of what cannot be read."""
    try:
        return quantities.words_of(row.definition)
    except DefinitionError:
        return exact_json.dumps(row.definition)


def state_of(row: ComputedTrait) -> tuple[str, str]:
    """Return how far a trait is, as a word and in words."""
    if row.failed_at is not None:
        return "failed", _("set apart: %(fault)s") % {"fault": row.failure}
    if row.is_ending:
        return "ending", _("ending")
    if row.woken_to is not None:
        return "under_way", _("under way")
    return "complete", _("complete")


def _initial(row: ComputedTrait) -> dict[str, Any]:
    trait = row.trait
    return {"label": trait.label, "category": trait.category, "definition": row.definition}


def _add_fault(form: forms.Form, error: SegmentError | DefinitionError) -> None:
    if isinstance(error, SegmentError):
        form.add_error(error.field if error.field in form.fields else None, error.detail)
        return
    for fault in error.errors:
        form.add_error("definition", fault_text(fault))
