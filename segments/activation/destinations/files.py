"""Files of JSON lines, of what changed since the last file; encrypted where a key is given.

A line has `action` (`enter`, which is also a change, `exit` or `forget`) and what the mapping
found; of who leaves it has the identifying field alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyrage
from django.utils.translation import gettext_lazy as _

from profiles.lib import exact_json
from profiles.lib.database import database_now
from segments.activation.destinations.exchange import CallFailed, Exchange
from segments.activation.destinations.tools import Item, Setting
from segments.activation.outcomes import Outcome

ENTER, EXIT, FORGET, TEST = "enter", "exit", "forget", "test"
# How many people are in a file at most, and how long changes are gathered: a month, in minutes.
MOST, LONGEST = 5000, 31 * 24 * 60
SETTINGS = (
    Setting(name="every", label=_("Minutes between files"), default="60"),
    Setting(
        name="recipient",
        label=_("Key that files are encrypted for (age1…)"),
        is_required=False,
    ),
)


class File(NamedTuple):
    """A file that is to be written whole."""

    name: str
    content: bytes


def file_of(exchange: Exchange, action: str, items: Sequence[Item]) -> File:
    """Return the file about some people; its name is the same at each attempt on one day.

    Raises CallFailed where the key is none.
    """
    content = _lines(action, [item.fields for item in items])
    return _sealed(exchange, f"{database_now():%Y%m%d}-{action}-{items[0].message}.jsonl", content)


def test_file(exchange: Exchange) -> File:
    """Return a file about nobody, by which an account is tried. Raises CallFailed likewise."""
    return _sealed(exchange, f"{TEST}.jsonl", _lines(TEST, [{}]))


def _lines(action: str, people: Sequence[Mapping[str, Any]]) -> bytes:
    lines = (exact_json.dumps({"action": action, **fields}) + "\n" for fields in people)
    return "".join(lines).encode()


def _sealed(exchange: Exchange, name: str, content: bytes) -> File:
    """Encrypt a file by age for the key that staff gave, if they did."""
    recipient = exchange.settings.get("recipient", "")
    if not recipient:
        return File(name, content)
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise CallFailed(Outcome(None, "unusable_recipient", is_general=True)) from None
    return File(f"{name}.age", pyrage.encrypt(content, [key]))


def seconds_of(settings: Mapping[str, str]) -> float:
    """Return how long to gather changes for the next files, from the minutes that staff chose."""
    text = settings.get("every", "")
    return 60.0 * min(int(text), LONGEST) if text.isascii() and text.isdigit() else 0.0
