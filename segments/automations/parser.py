"""Reading an automation's JSON into nodes: pure, without a database.

Invariant: every fault is noted with its path, also beside others, and says what is allowed there.
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
    Choice,
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
    Program,
    Quiet,
    SegmentTrigger,
    SetTrait,
    Split,
    Step,
    TakeBack,
    TakeOffList,
    Trigger,
    Wait,
    WaitEvent,
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
    read_property_key,
    read_text,
)
from segments.language.parser import parse_with_paths
from segments.language.phrases import Language
from segments.language.trees import TreeReader
from segments.language.where import read_where
from segments.mail.fields import field_faults

MAX_STEPS, MAX_NESTING = 100, 8
LONGEST = timedelta(days=400)
# Days before or after a date; a year has no more.
FURTHEST = 365
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# What a step does at a destination.
HANDING = ("hand_over", "take_out")
_OPTIONS = ("again", "goal", "exit", "cap", "quiet", "hold_out")


def parse_automation(definition: object) -> Program:
    """Return the program of a definition. Raises DefinitionError with all faults."""
    return _Reader().program(definition)


class _Reader:
    """The state of reading one definition: its steps, and the faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.steps: dict[str, Step] = {}
        self.count = 0

    def program(self, definition: object) -> Program:
        fields = read_fields(definition, "", ("trigger", "steps"), _OPTIONS)
        trigger = self._noting(_read_trigger, fields["trigger"], "trigger")
        first = self._steps(fields["steps"], "steps", "", 1)
        options = {
            name: self._noting(reader, fields[name], name) if name in fields else None
            for name, reader in _OPTION_READERS.items()
        }
        if trigger is None or self.faults:
            raise DefinitionError(self.faults)
        return Program(trigger=trigger, first=first, steps=self.steps, **options)

    def _noting(self, reader: Callable[[object, str], Any], value: object, path: str) -> Any:
        try:
            return reader(value, path)
        except DefinitionError as error:
            self.faults += error.errors
            return None

    def _steps(self, value: object, path: str, following: str, depth: int) -> str:
        """Read a list of steps; return the id of its first, or of what follows an empty one."""
        if not isinstance(value, list):
            self.faults.append(Fault(path, "type", "This must be a list of steps."))
            return following
        if depth > MAX_NESTING:
            limit = f"Steps are at most {MAX_NESTING} deep."
            self.faults.append(Fault(path, "limit", limit))
            return following
        self.count += len(value)
        if self.count > MAX_STEPS:
            self.faults.append(Fault(path, "limit", f"There are at most {MAX_STEPS} steps."))
            return following
        ids = [f"{path}[{place}]" for place in range(len(value))]
        for place, step in enumerate(value):
            here, after = ids[place], [*ids, following][place + 1]
            try:
                self.steps[here] = self._step(step, here, after, depth)
            except DefinitionError as error:
                self.faults += error.errors
        return ids[0] if ids else following

    def _step(self, value: object, path: str, following: str, depth: int) -> Step:
        if not isinstance(value, dict):
            raise definition_error(path, "type", "This must be an object.")
        kind = read_choice(value.get("type"), join_path(path, "type"), KINDS)
        match kind:
            case "wait_event" | "if":
                return self._fork(kind, value, path, following, depth)
            case "split":
                return self._split(value, path, following, depth)
            case _:
                return _STEP_READERS[kind](value, path, following)

    def _fork(
        self, kind: str, value: Mapping[str, Any], path: str, following: str, depth: int
    ) -> Step:
        own = ("event", "at_most") if kind == "wait_event" else ("test",)
        optional = ("then", "else", *(("same",) if kind == "wait_event" else ()))
        fields = read_fields(value, path, ("type", *own), optional)
        ways = [
            self._steps(fields.get(name, []), join_path(path, name), following, depth + 1)
            for name in ("then", "else")
        ]
        if kind == "if":
            return Choice(path, _read_tree(fields["test"], join_path(path, "test")), *ways)
        return WaitEvent(
            path,
            _read_event(fields["event"], join_path(path, "event")),
            read_property_key(fields["same"], join_path(path, "same"))
            if "same" in fields
            else None,
            _read_span(fields["at_most"], join_path(path, "at_most")),
            *ways,
        )

    def _split(self, value: object, path: str, following: str, depth: int) -> Step:
        fields = read_fields(value, path, ("type", "branches"), ("salt",))
        list_path = join_path(path, "branches")
        branches = fields["branches"]
        if not isinstance(branches, list) or not 2 <= len(branches) <= 10:
            raise definition_error(list_path, "limit", "A split has 2 to 10 branches.")
        ways, sum_of_percents = [], 0
        for place, branch in enumerate(branches):
            here = f"{list_path}[{place}]"
            inner = read_fields(branch, here, ("percent",), ("steps",))
            percent_path = join_path(here, "percent")
            sum_of_percents += read_count(inner["percent"], percent_path, low=1, high=99)
            steps = self._steps(
                inner.get("steps", []), join_path(here, "steps"), following, depth + 1
            )
            ways.append((sum_of_percents, steps))
        if sum_of_percents != 100:
            raise definition_error(list_path, "invalid", "The percents must add up to 100.")
        salt = read_name(fields.get("salt", path), join_path(path, "salt"))
        return Split(path, salt, tuple(ways))


def _read_trigger(value: object, path: str) -> Trigger:
    if not isinstance(value, dict):
        raise definition_error(path, "type", "This must be an object.")
    kind = read_choice(
        value.get("type"), join_path(path, "type"), ("enters", "leaves", "event", "list", "date")
    )
    match kind:
        case "event":
            fields = read_fields(value, path, ("type", "name"), ("where",))
            return EventTrigger(_read_event({k: fields[k] for k in fields if k != "type"}, path))
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


def _read_event(value: object, path: str) -> EventMatch:
    fields = read_fields(value, path, ("name",), ("where",))
    name = read_name(fields["name"], join_path(path, "name"))
    reader = TreeReader()
    where = read_where(reader, fields, path, 1)
    if reader.faults:
        raise DefinitionError(reader.faults)
    return EventMatch(name, where)


def _read_tree(value: object, path: str) -> Node:
    try:
        return parse_with_paths(value)[0]
    except DefinitionError as error:
        raise DefinitionError(
            [Fault(f"{path}.{at}".rstrip("."), code, text) for at, code, text in error.errors]
        ) from None


def _read_span(value: object, path: str) -> timedelta:
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
    span = _read_span(fields["for"], join_path(path, "for")) if "for" in fields else timedelta()
    until = _read_hour(fields["until"], join_path(path, "until")) if "until" in fields else None
    return Wait(path, following, span, until)


def _read_check(value: object, path: str, following: str) -> Step:
    fields = read_fields(value, path, ("type",), ("is", "test"))
    if len(fields) != 2:
        raise definition_error(path, "required", "A check has either is or test.")
    if "is" in fields:
        ask = read_choice(fields["is"], join_path(path, "is"), tuple(Ask))
        return Check(path, following, Ask(ask))
    return Check(path, following, _read_tree(fields["test"], join_path(path, "test")))


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
        return _read_span(value, path)
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


_STEP_READERS: Mapping[str, Callable[[object, str, str], Step]] = {
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
KINDS = (*_STEP_READERS, "wait_event", "if", "split")
_OPTION_READERS: Mapping[str, Callable[[object, str], Any]] = {
    "again": _read_again,
    "goal": _read_event,
    "exit": _read_tree,
    "cap": _read_cap,
    "quiet": _read_quiet,
    "hold_out": _read_hold_out,
}
