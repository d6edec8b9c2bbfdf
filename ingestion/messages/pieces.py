"""Cutting a text apart that is not JSON: one bad byte in a message must not cost its neighbours.

Only brackets, commas and strings are looked at. What is between them is judged with its message.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from ingestion.messages.results import BadRequest

# A batch of 2,500 ordinary messages has half of that.
MAX_SIGNS = 200_000
_NO_SIGN = rb'[^"{}\[\],]*+'
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# The next bracket or comma outside of strings.
_SIGN = re.compile(_NO_SIGN + rb"(?:" + _STRING + _NO_SIGN + rb")*+([{}\[\],])", re.DOTALL)
_MEMBER = re.compile(rb"\s*(" + _STRING + rb")\s*:\s*(.*?)\s*\Z", re.DOTALL)


def pieces_of(text: bytes) -> list[bytes]:
    """Return what stands between the commas of an object or a list, without its brackets.

    Raises BadRequest where its end cannot be found, or anything stands behind it.
    """
    cuts = list(_cuts(text))
    pieces = [text[start + 1 : end].strip() for start, end in pairwise(cuts)]
    return [] if pieces == [b""] else pieces


def members_of(text: bytes) -> dict[str, bytes]:
    """Return the members of an object by name, each undecoded. Raises BadRequest."""
    text = text.strip()
    if not text.startswith(b"{"):
        raise BadRequest("the body is not a JSON object")
    members: dict[str, bytes] = {}
    for piece in pieces_of(text):
        if member := _MEMBER.match(piece):
            members[_name(member[1])] = member[2]
    return members


def _cuts(text: bytes) -> Iterator[int]:
    """Yield the places of the opening bracket, of the commas of its level, and of its end."""
    depth = place = 0
    for _ in range(MAX_SIGNS):
        sign = _SIGN.match(text, place)
        if sign is None:
            break
        place = sign.end()
        character = text[place - 1]
        if character in b"{[":
            depth += 1
        elif character in b"}]":
            depth -= 1
        is_cut = depth == 1 and character in b"{[" and place == 1
        if is_cut or (depth == 1 and character == 0x2C) or depth == 0:
            yield place - 1
        if depth == 0:
            if text[place:].strip():
                break
            return
    raise BadRequest("the body is not JSON, and cannot be split into messages")


def _name(literal: bytes) -> str:
    try:
        name: str = json.loads(literal)
    except ValueError:
        return ""
    return name
