"""Files of JSON lines, of what changed since the last file. Pure.

A line has `action` (`enter`, which is also a change, `exit` or `forget`) and what the mapping
found; of who leaves it has the identifying field alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from profiles.lib import exact_json

ENTER, EXIT, FORGET, TEST = "enter", "exit", "forget", "test"
MOST, LONGEST = 5000, 31 * 24 * 60


def lines_of(action: str, people: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a line for each person."""
    lines = (exact_json.dumps({"action": action, **fields}) + "\n" for fields in people)
    return "".join(lines).encode()


def name_of(action: str, message: str, stamp: str) -> str:
    """Return the name of a file; it is the same at each attempt on one day."""
    return f"{stamp}-{action}-{message}.jsonl"


def seconds_of(settings: Mapping[str, str]) -> float:
    """Return how long to gather changes for the next files, from the minutes that staff chose."""
    text = settings.get("every", "")
    return 60.0 * min(int(text), LONGEST) if text.isascii() and text.isdigit() else 0.0
