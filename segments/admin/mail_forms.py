"""The forms of mail templates: what one says in each language, and whom it is shown as."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent.models import Purpose
from segments.admin.forms import fault_text
from segments.language.operands import DefinitionError
from segments.models import MailTemplate

WORDS = ("subject", "preheader", "body", "text")
LABELS = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Preheader"),
    "body": gettext_lazy("Body"),
    "text": gettext_lazy("Plain text"),
}
HELP = {
    "subject": gettext_lazy("With fields such as {{ first_name | there }}."),
    "preheader": gettext_lazy("What stands beside the subject in a list of mails."),
    "body": gettext_lazy("In the house layout: mj-text, mj-button, mj-image and the like."),
    "text": gettext_lazy("Made from the body where it is left empty."),
}
LANGUAGES = {code.partition("-")[0]: name for code, name in settings.LANGUAGES}


class ShownAsForm(forms.Form):
    """As whom a template is shown, by the public id."""

    person = forms.UUIDField(
        label=gettext_lazy("Public id of a person"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )


class MailTemplateForm(forms.Form):
    """What is saved of a mail template. Each language has its fields, as `en_subject`."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    markup = forms.ChoiceField(
        label=gettext_lazy("Markup"),
        choices=MailTemplate.Markup.choices,
        widget=UnfoldAdminSelectWidget,
    )

    click_purpose = forms.ModelChoiceField(
        label=gettext_lazy("Clicks are counted for"),
        queryset=Purpose.objects.order_by("key"),
        required=False,
        empty_label=gettext_lazy("nobody"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Only of whom permits this purpose, links are led over this site."),
    )

    def __init__(self, row: MailTemplate | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = dict(row.texts) if row else {}
        for code, language in LANGUAGES.items():
            for name in WORDS:
                self.fields[f"{code}_{name}"] = _field(code, language, name)
                self.initial[f"{code}_{name}"] = self.stored.get(code, {}).get(name, "")
        if row:
            self.initial.update(
                name=row.name, markup=row.markup, click_purpose=row.click_purpose_id
            )

    def saved(self) -> dict[str, Any]:
        """Return what the services take; languages that the form does not show stay."""
        content = self.cleaned_data
        texts = {
            code: {name: content[f"{code}_{name}"] for name in WORDS if content[f"{code}_{name}"]}
            for code in LANGUAGES
        }
        names = [name for name in ("key", "name", "markup", "click_purpose") if name in content]
        own: dict[str, Any] = {name: content[name] for name in names}
        return own | {"texts": {**self.stored, **texts}}

    def add_faults(self, error: DefinitionError) -> None:
        """Say each fault beside the field that it is about."""
        for fault in error.errors:
            name = "_".join(fault.path.split(".")[1:3])
            known = name in self.fields
            self.add_error(name if known else None, fault.detail if known else fault_text(fault))


class NewMailTemplateForm(MailTemplateForm):
    """The same, with the key of a new one."""

    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=63,
        validators=[*MailTemplate._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
    )
    field_order = ("key", "name", "markup")


def _field(code: str, language: str, name: str) -> forms.CharField:
    rows = {"body": 12, "text": 6}.get(name)
    is_needed = name in ("subject", "body")
    return forms.CharField(
        label=f"{LABELS[name]} ({language})",
        help_text=HELP[name],
        required=is_needed,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": rows, "class": "t-code", "lang": code})
        if rows
        else UnfoldAdminTextInputWidget(attrs={"lang": code}),
    )
