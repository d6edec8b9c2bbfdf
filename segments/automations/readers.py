"""Readers of the parts of an automation: triggers, steps that lead to one other, and rules.

Each takes a value and its path, and raises DefinitionError with what is allowed there.
"""

import re
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import Any
from uuid import UUID

from segments.automations.nodes import (
    AddToList,
    Ask,
    Call,
    Cap,
    Check,
    DateTrigger,
    EntryReason,
    EventMatch,
    EventTrigger,
    GiveCode,
    HandOver,
    ListTrigger,
    Mail,
    MailText,
    OnEmpty,
    Quiet,
    SegmentTrigger,
    SetTrait,
    Step,
    TakeBack,
    TakeOffList,
    Trigger,
    Wait,
)
from segments.language.nodes import Node
from segments.language.operands import (
    DefinitionError,
    Fault,
    definition_error,
    join_path,
    read_boolean,
    read_choice,
    read_count,
    read_fields,
    read_name,
    read_number,
    read_text,
)
from segments.language.parser import parse_with_paths
from segments.language.phrases import Language
from segments.language.where import read_own_where
from segments.mail.fields import field_faults

LONGEST = timedelta(days=400)
# Days before or after a date; a year has no more.
FURTHEST = 365
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# What a step does at a destination.
HANDING = ("hand_over", "take_out")


def read_trigger(value: object, path: str) -> Trigger:
    if not isinstance(value, dict):
        raise definition_error(path, "type", "This must be an object.")
    kind = read_choice(
        value.get("type"), join_path(path, "type"), ("enters", "leaves", "event", "list", "date")
    )
    match kind:
        case "event":
            fields = read_fields(value, path, ("type", "name"), ("where",))
            return EventTrigger(read_event({k: fields[k] for k in fields if k != "type"}, path))
        case "date":
            return _read_date(value, path)
        case "list":
            fields = read_fields(value, path, ("type", "list"))
            return ListTrigger(read_name(fields["list"], join_path(path, "list")))
        case _:
            fields = read_fields(value, path, ("type", "segment"), ("reasons",))
            segment = read_name(fields["segment"], join_path(path, "segment"))
            reasons = _read_reasons(fields.get("reasons", ["change", "time"]), path)
            return SegmentTrigger(segment, kind == "enters", reasons)


def _read_date(value: object, path: str) -> DateTrigger:
    fields = read_fields(value, path, ("type", "trait"), ("days", "yearly"))
    days_path = join_path(path, "days")
    return DateTrigger(
        read_name(fields["trait"], join_path(path, "trait")),
        read_count(fields.get("days", 0), days_path, low=-FURTHEST, high=FURTHEST),
        read_boolean(fields.get("yearly", False), join_path(path, "yearly")),
    )


def _read_reasons(value: object, path: str) -> frozenset[EntryReason]:
    list_path = join_path(path, "reasons")
    if not isinstance(value, list) or not value:
        raise definition_error(list_path, "required", "Name at least one reason.")
    return frozenset(
        EntryReason(read_choice(each, f"{list_path}[{place}]", tuple(EntryReason)))
        for place, each in enumerate(value)
    )


def read_event(value: object, path: str) -> EventMatch:
    fields = read_fields(value, path, ("name",), ("where",))
    name = read_name(fields["name"], join_path(path, "name"))
    return EventMatch(name, read_own_where(fields, path))


def read_tree(value: object, path: str) -> Node:
    try:
        return parse_with_paths(value)[0]
    except DefinitionError as error:
        raise DefinitionError(
            [Fault(f"{path}.{at}".rstrip("."), code, text) for at, code, text in error.errors]
        ) from None


def read_span(value: object, path: str) -> timedelta:
    fields = read_fields(value, path, (), tuple(UNITS))
    if len(fields) != 1:
        detail = 'This takes one unit, as {"days": 3}: days, hours, minutes, weeks.'
        raise definition_error(path, "invalid", detail)
    (unit, count), *_ = fields.items()
    most = int(LONGEST.total_seconds()) // UNITS[unit]
    number = read_count(count, join_path(path, unit), low=1, high=most)
    return timedelta(seconds=number * UNITS[unit])


def _read_hour(value: object, path: str) -> time:
    text = read_text(value, path)
    if not _HOUR.fullmatch(text):
        raise definition_error(path, "invalid", "This must be an hour such as 09:00.")
    return time.fromisoformat(text)


def _read_wait(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type",), ("for", "until"))
    if len(fields) == 1:
        raise definition_error(path, "required", "A wait has for, until, or both.")
    span = read_span(fields["for"], join_path(path, "for")) if "for" in fields else timedelta()
    until = _read_hour(fields["until"], join_path(path, "until")) if "until" in fields else None
    return Wait(path, following, span, until)


def _read_check(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type",), ("is", "test"))
    if len(fields) != 2:
        raise definition_error(path, "required", "A check has either is or test.")
    if "is" in fields:
        ask = read_choice(fields["is"], join_path(path, "is"), tuple(Ask))
        return Check(path, following, Ask(ask))
    return Check(path, following, read_tree(fields["test"], join_path(path, "test")))


def _read_mail(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type",), ("texts", "template"))
    if len(fields) != 2:
        raise definition_error(path, "required", "A mail has either a template or texts.")
    if "template" in fields:
        template = read_name(fields["template"], join_path(path, "template"))
        return Mail(path, following, {}, template)
    texts_path = join_path(path, "texts")
    texts = read_fields(fields["texts"], texts_path, ("en",), tuple(Language))
    return Mail(
        path,
        following,
        {
            language: _read_mail_text(text, join_path(texts_path, language))
            for language, text in texts.items()
        },
    )


def _read_mail_text(value: object, path: str) -> MailText:
    fields = read_fields(value, path, ("subject", "text"))
    subject = read_name(fields["subject"], join_path(path, "subject"))
    if "\n" in subject or "\r" in subject:
        raise definition_error(join_path(path, "subject"), "invalid", "A subject is one line.")
    text = read_text(fields["text"], join_path(path, "text"), max_length=20_000)
    for name, content in (("subject", subject), ("text", text)):
        if faults := list(field_faults(content)):
            raise definition_error(join_path(path, name), "invalid", faults[0])
    return MailText(subject, text)


def _read_call(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "webhook"))
    return Call(path, following, _read_id(fields["webhook"], path, "webhook"))


def _read_destination(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "destination"), ("do",))
    pk = _read_id(fields["destination"], path, "destination")
    action = read_choice(fields.get("do", "hand_over"), join_path(path, "do"), HANDING)
    return HandOver(path, following, pk) if action == "hand_over" else TakeBack(path, following, pk)


def _read_id(value: object, path: str, kind: str) -> UUID:
    here = join_path(path, kind)
    try:
        return UUID(read_text(value, here))
    except ValueError:
        raise definition_error(here, "invalid", f"This must be the id of a {kind}.") from None


def _read_add_to_list(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "list"))
    return AddToList(path, following, read_name(fields["list"], join_path(path, "list")))


def _read_take_off_list(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "list"))
    return TakeOffList(path, following, read_name(fields["list"], join_path(path, "list")))


def _read_code(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "pool"), ("empty",))
    on_empty = read_choice(
        fields.get("empty", OnEmpty.WAIT), join_path(path, "empty"), tuple(OnEmpty)
    )
    pool = read_name(fields["pool"], join_path(path, "pool"))
    return GiveCode(path, following, pool, OnEmpty(on_empty))


def _read_set_trait(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type", "key", "value"))
    key = read_name(fields["key"], join_path(path, "key"))
    stated, value_path = fields["value"], join_path(path, "value")
    if isinstance(stated, bool):
        return SetTrait(path, following, key, stated)
    if isinstance(stated, str):
        return SetTrait(path, following, key, read_text(stated, value_path))
    return SetTrait(path, following, key, read_number(stated, value_path))


def _read_hold_out(value: object, path: str) -> int:
    return read_count(value, path, low=1, high=50)


def _read_again(value: object, path: str) -> timedelta | None:
    if isinstance(value, dict):
        return read_span(value, path)
    word = read_choice(value, path, ("never", "always"))
    return timedelta() if word == "always" else None


def _read_cap(value: object, path: str) -> Cap:
    fields = read_fields(value, path, ("most", "days"))
    return Cap(
        read_count(fields["most"], join_path(path, "most"), low=1, high=100),
        read_count(fields["days"], join_path(path, "days"), low=1, high=90),
    )


def _read_quiet(value: object, path: str) -> Quiet:
    fields = read_fields(value, path, ("from", "until"))
    begins = _read_hour(fields["from"], join_path(path, "from"))
    ends = _read_hour(fields["until"], join_path(path, "until"))
    if begins == ends:
        raise definition_error(path, "invalid", "Quiet hours begin and end at different hours.")
    return Quiet(begins, ends)


STEP_READERS: Mapping[str, Callable[[object, str, str], Step]] = {
    "wait": _read_wait,
    "check": _read_check,
    "mail": _read_mail,
    "webhook": _read_call,
    "add_to_list": _read_add_to_list,
    "take_off_list": _read_take_off_list,
    "code": _read_code,
    "set_trait": _read_set_trait,
    "destination": _read_destination,
}
OPTION_READERS: Mapping[str, Callable[[object, str], Any]] = {
    "again": _read_again,
    "goal": read_event,
    "exit": read_tree,
    "cap": _read_cap,
    "quiet": _read_quiet,
    "hold_out": _read_hold_out,
}
