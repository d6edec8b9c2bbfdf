"""What codes mean, in the words of staff."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ingestion.models import MessageCount

Outcome = MessageCount.Outcome
OUTCOMES: dict[str, Promise] = {
    Outcome.STORED: _("stored"),
    Outcome.REPEAT: _("repeats"),
    Outcome.DROPPED: _("dropped, of erased people"),
    Outcome.REJECTED: _("rejected"),
}
# Of parts that were left out of messages that were taken, and of what was only counted.
REASONS: dict[str, Promise] = {
    "characters": _("characters replaced"),
    "forbidden_name": _("values under forbidden names"),
    "timestamp": _("times that cannot be read"),
    "timestamp in the future": _("times over a day in the future"),
    "sentAt": _("times of sending that cannot be read"),
    "value": _("values too large or too exact to sum up"),
    "identity_signature": _("wrong signatures"),
    "suppressed": _("messages of erased people"),
    "before_return": _("messages from before a return"),
    "rejected": _("rejected beyond 10,000 a day"),
    "trait_name": _("traits beyond the limit of names"),
    "event_name": _("events beyond the limit of names"),
    "group_id": _("group calls that name no account"),
    "account_trait": _("traits of accounts beyond what one record holds"),
    "claimed_identifier": _("claims beside more customers than a day may name"),
}
FAULTS: dict[str, Promise] = {
    "failed": _("The database refused it."),
    "invalid_identifier": _("An id is neither a text nor a whole number, or is too long."),
    "invalid_request": _("The request could not be read."),
    "message_id_too_long": _("The messageId has 100 characters or more."),
    "message_too_large": _("It is larger than 32 KB."),
    "missing_event": _("A track message has no event name."),
    "missing_identity": _("It has neither a userId nor an anonymousId."),
    "missing_previous_id": _("An alias has no previousId."),
    "name_too_long": _("The name has over 255 characters."),
    "no_identifier": _("Every identifier is a value that stands for nobody."),
    "not_an_object": _("There should be an object of names and values here."),
    "not_json": _("It is not JSON."),
    "not_utf8": _("It is not UTF-8 text."),
    "number_out_of_range": _("A number is too large, too small or too long to be kept exactly."),
    "plan": _("It breaks the tracking plan of its source."),
    "poison": _("It ended its worker however often it was tried."),
    "too_deep": _("It is nested more than 64 levels deep."),
    "too_many_messages": _("Its batch had over 2,500 messages."),
    "unplanned_event": _("The tracking plan of its source has no event of this name."),
    "unknown_type": _("Its type is none of identify, track, page, screen, group, alias."),
}


def fault_in_words(code: str) -> str:
    """Return a sentence on a fault, empty for a code that has none."""
    return str(FAULTS.get(code, ""))


def reason_in_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))
