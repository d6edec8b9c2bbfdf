"""The words of the builder of automations, beside the titles of what can be added."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from segments.automations.nodes import Ask, EntryReason, OnEmpty

Label = str | Promise
# What stands before a field; others stand alone.
LEADS: Mapping[str, Label] = {
    "segment": _("segment"),
    "list": _("list"),
    "pool": _("of the pool"),
    "template": _("template"),
    "name": _("event"),
    "event": "",
    "where": _("where"),
    "for": _("for"),
    "until": _("until"),
    "from": _("from"),
    "at_most": _("at most"),
    "same": _("with the same"),
    "salt": _("in the draw"),
    "key": _("trait"),
    "value": _("to"),
    "trait": _("trait"),
    "days": _("days after"),
    "yearly": _("each year"),
    "reasons": _("because"),
    "empty": _("if there is none"),
    "webhook": "",
    "destination": "",
    "do": "",
    "percent": _("share, %"),
    "subject": _("subject"),
    "text": _("text"),
    "cap.most": _("at most messages"),
    "cap.days": _("in days"),
}
RULE_TITLES: Mapping[str, Label] = {
    "again": _("Coming again"),
    "goal": _("Goal, which ends it"),
    "exit": _("Ends once this holds"),
    "cap": _("Cap on messages"),
    "quiet": _("Quiet hours"),
    "hold_out": _("Held out to compare, %"),
}
WAYS: Mapping[str, Label] = {"then": _("if so"), "else": _("if not")}
LATER_WAYS: Mapping[str, Label] = {"then": _("once it happens"), "else": _("if it does not")}
ASKS: Mapping[str, Label] = {
    Ask.MEMBER: _("still in the segment"),
    Ask.PERMITTED: _("they permit it"),
    "test": _("a condition holds"),
}
MAIL_FORMS: Mapping[str, Label] = {"template": _("of a template"), "texts": _("plain text")}
AGAIN_WORDS: Mapping[str, Label] = {
    "never": _("never"),
    "always": _("once they are through"),
    "after": _("after"),
}
REASONS: Mapping[str, Label] = {
    EntryReason.CHANGE: _("they changed"),
    EntryReason.TIME: _("time passed"),
    EntryReason.MERGE: _("profiles became one"),
    EntryReason.IMPORT: _("a file was imported"),
}
HANDINGS: Mapping[str, Label] = {
    "hand_over": _("hand the person to"),
    "take_out": _("take the person out of"),
}
ON_EMPTY: Mapping[str, Label] = {
    OnEmpty.WAIT: _("wait for one"),
    OnEmpty.GO_ON: _("go on without"),
    OnEmpty.END: _("end"),
}
