"""What the tools share that write files of what changed since the last file.

Of who leaves a file has the identifying field alone. It is encrypted where a key is given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyrage
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from profiles.lib.database import database_now
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.formats import FORMATS
from segments.activation.destinations.tools import Faults, Item, Send, Setting, Tool
from segments.activation.outcomes import Outcome
from segments.lib.sealing import fault_of_recipient

ENTER, EXIT, FORGET, TEST = "enter", "exit", "forget", "test"
# How many people are in a file at most, and how long changes are gathered: a month, in minutes.
MOST, LONGEST = 5000, 31 * 24 * 60


def _fault_of_minutes(text: str) -> str:
    is_number = text.isascii() and text.isdigit() and 0 < int(text[:9]) <= LONGEST
    return "" if is_number else f"Whole minutes from 1 to {LONGEST}."


SETTINGS = (
    Setting(
        name="every", label=_("Minutes between files"), default="60", fault_of=_fault_of_minutes
    ),
    Setting(name="format", label=_("Format"), default="jsonl", choices=tuple(FORMATS)),
    Setting(
        name="recipient",
        label=_("Key that files are encrypted for (age1…)"),
        is_required=False,
        fault_of=fault_of_recipient,
    ),
)


class File(NamedTuple):
    """A file that is to be written whole."""

    name: str
    content: bytes


# Puts a file under its name once it is whole. Raises CallFailed.
Save = Callable[[Exchange, File], None]


def file_tool(*, key: str, title: str | Promise, settings: tuple[Setting, ...], save: Save) -> Tool:
    """Return a tool that is sent files, by how one is saved."""

    def check(exchange: Exchange) -> Reply:
        save(exchange, _test_file(exchange))
        return Reply(200, None)

    return Tool(
        key=key,
        title=title,
        settings=(*settings, *SETTINGS),
        mapping={"id": "id", "email": "email", "segments": "segments"},
        identifies=("id",),
        put=_sending(ENTER, save),
        take_out=_sending(EXIT, save),
        forget=_sending(FORGET, save),
        check=check,
        batch_size=MOST,
        removal_size=MOST,
        seconds_between_calls=0,
        seconds_between_runs=_seconds_of,
    )


def _sending(action: str, save: Save) -> Send:
    def send(exchange: Exchange, items: Sequence[Item]) -> Faults:
        save(exchange, _file_of(exchange, action, items))
        return {}

    return send


def _file_of(exchange: Exchange, action: str, items: Sequence[Item]) -> File:
    """Return the file about some people; its name is the same at each attempt on one day.

    Raises CallFailed where the key is none.
    """
    name = f"{database_now():%Y%m%d}-{action}-{items[0].message}"
    return _sealed(exchange, name, action, [item.fields for item in items])


def _test_file(exchange: Exchange) -> File:
    """Return a file about nobody, by which an account is tried. Raises CallFailed likewise."""
    return _sealed(exchange, TEST, TEST, [{}])


def _sealed(
    exchange: Exchange, stem: str, action: str, people: Sequence[Mapping[str, Any]]
) -> File:
    """Return a file in the chosen format, encrypted by age for the key that staff gave, if any."""
    ending = exchange.settings.get("format", "jsonl")
    content = FORMATS[ending](action, list(exchange.destination.mapping), people)
    name = f"{stem}.{ending}"
    recipient = exchange.settings.get("recipient", "")
    if not recipient:
        return File(name, content)
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise CallFailed(Outcome(None, "unusable_recipient", is_general=True)) from None
    return File(f"{name}.age", pyrage.encrypt(content, [key]))


def _seconds_of(settings: Mapping[str, str]) -> float:
    """Return how long to gather changes for the next files, from the minutes that staff chose."""
    text = settings.get("every", "")
    return 60.0 * min(int(text), LONGEST) if text.isascii() and text.isdigit() else 0.0
