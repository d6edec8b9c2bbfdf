"""The sandbox: made-up facts, and who is who by the rules that hold and by others, as pictures.

Invariant: nothing is stored. The form comes back with the answer.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from profiles.admin.kit.base import TesseraAdmin, require
from profiles.admin.sandbox_picture import sandbox_picture
from profiles.identifiers.references import reference_of
from profiles.identity.ruleset.document import ParsedRules
from profiles.identity.ruleset.sandbox import Played, ToyFault, ToyHistory
from profiles.identity.ruleset.toys import MOST_CHARACTERS, PRESETS, read_history
from profiles.lib.database import database_now
from profiles.services import (
    RulesFault,
    document_of_store,
    parse_document,
    play_by_candidate,
    play_by_stored,
    read_rules,
    write_document,
)


class SandboxForm(forms.Form):
    """A toy history, and rules to try on it."""

    facts = forms.CharField(
        label=_("Facts"),
        max_length=MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "A line a fact: server, claim, verified or staff, and what is named together, as in "
            "claim anonymous_id:a-1 email:ada@mail.fr. A day may stand first. Verdicts are lines "
            "such as not_same user_id:ada user_id:bob."
        ),
    )
    rules = forms.CharField(
        label=_("Other rules"),
        required=False,
        max_length=MOST_CHARACTERS * 5,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
        help_text=_("Change a number and compare. They begin as those that hold."),
    )

    def clean_facts(self) -> ToyHistory:
        """Return the history that the lines stand for."""
        try:
            return read_history(self.cleaned_data["facts"], today=database_now().date())
        except ToyFault as fault:
            words = gettext("Line %(number)s: %(detail)s")
            raise forms.ValidationError(
                words % {"number": fault.path, "detail": fault.detail}
            ) from None

    def clean_rules(self) -> ParsedRules | None:
        """Return the rules that the text stands for."""
        if not self.cleaned_data["rules"].strip():
            return None
        try:
            return parse_document(read_rules(self.cleaned_data["rules"]))
        except RulesFault as fault:
            words = f"{fault.path}: {fault.detail}".removeprefix(": ")
            raise forms.ValidationError(words) from None

    def play(self) -> list[dict[str, Any]]:
        """Judge the history by both rules, and return what the page shows; nothing for a fault."""
        if not self.is_valid():
            return []
        history, parsed = self.cleaned_data["facts"], self.cleaned_data["rules"]
        try:
            results = [(gettext("By the rules that hold"), play_by_stored(history))]
            if parsed is not None and parsed.document != document_of_store():
                results.append((gettext("By the other rules"), play_by_candidate(history, parsed)))
        except ToyFault as fault:
            self.add_error("facts", f"{fault.path}: {fault.detail}")
            return []
        return [_shown(title, played) for title, played in results]


def sandbox_page(admin: TesseraAdmin, request: HttpRequest, permission: str) -> HttpResponse:
    """Show the form, and the people of its history. A preset of the address fills it in."""
    require(request, permission)
    preset = PRESETS.get(request.GET.get("preset", ""), PRESETS["browser"])
    posted: QueryDict | None = request.POST if request.method == "POST" else None
    initial = {"facts": preset.text, "rules": write_document(document_of_store())}
    # A preset is judged at once.
    form = SandboxForm(posted or initial)
    return admin.page(
        request,
        "admin/profiles/sandbox.html",
        title=gettext("Sandbox of rules"),
        form=form,
        results=form.play(),
        presets=[(key, each.title) for key, each in PRESETS.items()],
        hint="" if posted else preset.hint,
    )


def _shown(title: str, played: Played) -> dict[str, Any]:
    return {
        "title": title,
        "people": len(played.people),
        "picture": sandbox_picture(played, title=title),
        "steps": [
            {
                "number": number,
                "kept": ", ".join(map(reference_of, step.kept)) or "–",
                "lost": [(reference_of(each.ref), each.reason) for each in step.lost],
                "notes": _notes(step.joined, [reference_of(ref) for ref in step.quarantined]),
            }
            for number, step in enumerate(played.steps, 1)
        ],
    }


def _notes(joined: int, quarantined: Sequence[str]) -> list[str]:
    notes = []
    if joined:
        notes.append(gettext("%(number)d people became one.") % {"number": joined})
    if quarantined:
        words = gettext("In quarantine from now on: %(identifiers)s.")
        notes.append(words % {"identifiers": ", ".join(quarantined)})
    return notes
