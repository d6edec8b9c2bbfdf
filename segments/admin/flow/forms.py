"""What each kind of step, trigger and rule is made of: its words, and what it begins with.

Invariant: every kind that the parser reads is here, and a new one lacks nothing but what only its
author knows, such as the name of an event. A test compares both.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Label = str | Promise
# A condition that has none yet.
OPEN: Mapping[str, Any] = {"type": "and", "children": []}


@dataclass(frozen=True, slots=True)
class Form:
    """A kind: its words, what a new one is, and what it may have besides, with a first value.

    Fields are shown in the order in which they stand there.
    """

    title: Label
    blank: Mapping[str, Any]
    optional: Mapping[str, Any] = field(default_factory=dict)


STEPS: Mapping[str, Form] = {
    "wait": Form(_("Wait"), {"for": {"days": 1}}, {"for": {"days": 1}, "until": "09:00"}),
    "wait_event": Form(
        _("Wait for an event"),
        {"event": {"name": ""}, "at_most": {"days": 3}, "then": [], "else": []},
        {"same": ""},
    ),
    "check": Form(_("Go on only if"), {"is": "member"}),
    "if": Form(_("If"), {"test": OPEN, "then": [], "else": []}),
    "split": Form(
        _("Split by chance"),
        {"branches": [{"percent": 50, "steps": []}, {"percent": 50, "steps": []}]},
        {"salt": ""},
    ),
    "mail": Form(_("Send a mail"), {"template": ""}),
    "webhook": Form(_("Tell a webhook"), {"webhook": ""}),
    "destination": Form(_("Use a destination"), {"do": "hand_over", "destination": ""}),
    "add_to_list": Form(_("Put on a list"), {"list": ""}),
    "take_off_list": Form(_("Take off a list"), {"list": ""}),
    "set_trait": Form(_("Set a trait"), {"key": "", "value": ""}),
    "code": Form(_("Give a code"), {"pool": ""}, {"empty": "wait"}),
}
TRIGGERS: Mapping[str, Form] = {
    "enters": Form(_("Somebody enters a segment"), {"segment": ""}, {"reasons": ["change"]}),
    "leaves": Form(_("Somebody leaves a segment"), {"segment": ""}, {"reasons": ["change"]}),
    "event": Form(_("Something happens"), {"name": ""}, {"where": None}),
    "list": Form(_("Somebody is put on a list"), {"list": ""}),
    "date": Form(_("A date of theirs comes"), {"trait": "", "days": 0}, {"yearly": True}),
}
# What holds for all steps.
RULES: Mapping[str, Any] = {
    "again": "always",
    "goal": {"name": ""},
    "exit": OPEN,
    "cap": {"most": 3, "days": 7},
    "quiet": {"from": "21:00", "until": "08:00"},
    "hold_out": 10,
}
# The other forms that a mail and a check may have.
MAILS: Mapping[str, Mapping[str, Any]] = {
    "template": {"template": ""},
    "texts": {"texts": {"en": {"subject": "", "text": ""}}},
}
CHECKS: Mapping[str, Mapping[str, Any]] = {
    "member": {"is": "member"},
    "permitted": {"is": "permitted"},
    "test": {"test": OPEN},
}
AGAIN: Mapping[str, Any] = {"never": "never", "always": "always", "after": {"days": 30}}
TEXTS: Mapping[str, Any] = {"subject": "", "text": ""}


def new_of(forms: Mapping[str, Form], kind: str) -> dict[str, Any]:
    """Return a new step or trigger of this kind. Raises LookupError."""
    return {"type": kind, **deepcopy(dict(forms[kind].blank))}
