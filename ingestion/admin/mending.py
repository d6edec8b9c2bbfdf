"""The forms by which staff mend rejected messages, one by hand and many by a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ingestion.admin.bodies import pretty_text
from ingestion.admin.words import fault_in_words
from ingestion.services import MendReport, Operation, Type, Verb, fault_of
from profiles.admin.kit.masks import Mask
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

VERBS = {
    Verb.DROP: _("Drop it"),
    Verb.RENAME: _("Rename it to"),
    Verb.CAST: _("Make it a"),
    Verb.SET: _("Set it to"),
}
# The fields of messages whose faults name an identifier instead.
IDENTIFIER_FIELDS = {"user_id": "userId", "anonymous_id": "anonymousId"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the live check says of the editor's text; no code means that it would be taken."""

    code: str = ""
    path: str = ""
    sentence: str = ""


def check(text: str, *, source_id: int) -> Verdict:
    """Judge the text of the editor as the drain would."""
    fault = fault_of(text.encode(errors="replace"), source_id=source_id)
    if fault is None:
        return Verdict()
    return Verdict(fault.code, fault.path, fault_in_words(fault.code) or fault.detail)


class EditorForm(forms.Form):
    """The whole message as JSON."""

    body = forms.CharField(
        label=_("Message"),
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 18, "class": "t-definition", "spellcheck": "false"}
        ),
    )


class RuleForm(forms.Form):
    """One rule for all open messages that have one fault."""

    verb = forms.ChoiceField(
        label=_("What to do"),
        choices=[(verb.value, word) for verb, word in VERBS.items()],
        widget=UnfoldAdminSelectWidget(),
    )
    path = forms.CharField(
        label=_("With what is at"),
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=_("Such as properties.price; [*] stands for each item of a list."),
    )
    to = forms.CharField(
        label=_("New name, type or value"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=_(
            "A name to rename it to; text, number, boolean or json to make it one; or the value "
            "to set, as JSON or plain text."
        ),
    )

    def clean(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().clean() or {}
        verb, to = fields.get("verb"), fields.get("to", "")
        if verb == Verb.CAST and to not in {type_.value for type_ in Type}:
            self.add_error("to", _("One of text, number, boolean, json."))
        if verb == Verb.RENAME and not to:
            self.add_error("to", _("The new name."))
        return fields

    def operations(self) -> Sequence[Operation]:
        """Return the rule of a valid form."""
        fields = self.cleaned_data
        return [Operation(Verb(fields["verb"]), fields["path"], fields["to"], _value(fields["to"]))]


def first_rule(code: str, path: str) -> dict[str, str]:
    """Return the rule that most likely mends a fault, for the form to begin with."""
    place = IDENTIFIER_FIELDS.get(path, path)
    match code:
        case "missing_event" | "unknown_type":
            return {"verb": Verb.SET, "path": place}
        case "number_out_of_range":
            return {"verb": Verb.CAST, "path": place, "to": Type.TEXT}
        case _:
            return {"verb": Verb.DROP, "path": place}


@dataclass(frozen=True, slots=True)
class ShownExample:
    """One message before and after a rule, masked, and what is left wrong with it."""

    before: str
    after: str
    fault: str


def shown_examples(report: MendReport, mask: Mask) -> list[ShownExample]:
    return [
        ShownExample(
            pretty_text(example.before, mask),
            pretty_text(example.after, mask),
            f"{example.fault.code} {example.fault.path}".strip() if example.fault else "",
        )
        for example in report.examples
    ]


def left_faults(report: MendReport) -> list[tuple[str, str, int]]:
    """Return what is left wrong: code and path, a sentence, and with how many."""
    return [
        (f"{code} {path}".strip(), fault_in_words(code), count)
        for (code, path), count in report.left.most_common()
    ]


def _value(text: str) -> Any:
    try:
        return exact_json.read(text.encode(errors="replace"))
    except UnreadableJSON:
        return text
