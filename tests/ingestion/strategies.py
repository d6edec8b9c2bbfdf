"""Requests that are hostile, broken or merely odd, as bytes.

Each message is JSON written by hand, so that it can hold what no encoder would write.
"""

import json

from hypothesis import strategies as st

ODD_NUMBERS = (
    "1e1000000000000000000",
    "-1E+99999999999999999999",
    "1" * 5000,
    "-" + "9" * 401,
    "1e5000",
    "1e309",
    "1.8e308",
    "1e-325",
    "0e99999999",
    "0." + "1" * 101,
    "0." + "0" * 399,
)
# Every one a double as some language prints it, or short enough to be exact.
GOOD_NUMBERS = (
    "0",
    "-0.0",
    "0e399",
    "5e-324",
    "4.9406564584124654e-324",
    "1.7976931348623157e308",
    "1" * 309,
    "0." + "1" * 100,
    "19.99",
    "-1E5",
    "1.0",
)
NOT_JSON = (
    "NaN",
    "-Infinity",
    "01",
    "1.e5",
    ".5",
    "'x'",
    '"\\x"',
    '"\n"',
    '"\x01"',
    "tru",
    "",
)
ODD_TEXTS = (
    '"\\u0000"',
    '"\\ud800"',
    '"\\uDC00x"',
    '"e\\u0301"',
    '"e\u0301"',
    '"\u0958"',
    '"\u200b"',
    '"\ufeff"',
    '" "',
    '"[object Object]"',
    '"\\"],{"',
    '"' + "x" * 300 + '"',
    '"' + "\u0958" * 255 + '"',
)
ODD_TIMES = (
    '"0001-01-01T00:00:00+01:00"',
    '"9999-12-31T23:59:59-01:00"',
    '"0000-00-00"',
    '"2026-01-31T24:00:00Z"',
    '"2026-06-30T23:59:60Z"',
    '"2026-13-45"',
    '"Sat, 31 Jan 2026 12:00:00 GMT"',
    '"2026-01-31T12:00:00+00:09:21"',
    '"2026-01-31T12:00:00+24:00"',
    "1769860800",
    '"1769860800000"',
    "1769860800.25",
    "-1",
    "1e300",
    '"2026-10-25T02:30:00 Europe/Paris"',
    '"2026-01-31T12:00:00[Europe]"',
    '"\u0662\u0660\u0662\u0666-01-31"',
)
DEEP = (*("[" * depth + "]" * depth for depth in (60, 65, 3000)), '{"a":' * 80 + "1" + "}" * 80)
LITERALS = st.sampled_from(
    (
        *ODD_NUMBERS,
        *GOOD_NUMBERS,
        *NOT_JSON,
        *ODD_TEXTS,
        *ODD_TIMES,
        *DEEP,
        "[]",
        "{}",
        "null",
        "true",
        '{"categoryPreferences":{"a":true,"b":7}}',
        '[{"id":1e400,"type":"card"},7,{"id":42.0,"type":"card"},{"id":{},"type":[]}]',
        '{"type":[],"id":[]}',
    )
) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
).map(json.dumps)
FIELDS = st.sampled_from(
    (
        "userId",
        "anonymousId",
        "previousId",
        "groupId",
        "messageId",
        "event",
        "name",
        "type",
        "traits",
        "properties",
        "context",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "unknown",
    )
)
TYPES = st.sampled_from(("identify", "track", "page", "screen", "group", "alias", "dance"))


def object_of(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in members.items()) + "}"


# Made once: Hypothesis checks a strategy at its first use, and that takes longer than a draw.
ONE_IN_4, ONE_IN_8 = (st.integers(1, count).map(lambda drawn: drawn == 1) for count in (4, 8))
SOME_FIELDS = st.dictionaries(FIELDS, LITERALS, max_size=3)
SOME_KEYS = st.dictionaries(
    st.sampled_from(("x", "email", "traits", "device", "externalIds", "consent")),
    LITERALS,
    max_size=2,
)


@st.composite
def messages(draw: st.DrawFn) -> str:
    """A message whose fields may hold anything."""
    members = {"type": f'"{draw(TYPES)}"', "userId": '"u1"', "event": '"Viewed"'}
    members |= draw(SOME_FIELDS)
    for place in ("traits", "properties", "context"):
        if draw(ONE_IN_4):
            members[place] = object_of(draw(SOME_KEYS))
    return object_of(members)


# What a list of messages can be split at, so not the empty text.
PIECES = LITERALS.filter(bool)
SOME_PIECES = st.lists(messages() | PIECES, min_size=1, max_size=4)
SOMETHING_SHARED = st.dictionaries(
    st.sampled_from(("context", "sentAt", "writeKey")), PIECES, max_size=1
)
BYTE_ORDER_MARKS = st.sampled_from((b"", b"\xef\xbb\xbf"))


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    """The body of a batch whose messages can be told from each other, if not much else."""
    members = {"batch": f"[{','.join(draw(SOME_PIECES))}]"} | draw(SOMETHING_SHARED)
    body = object_of(members).encode(errors="surrogatepass")
    if draw(ONE_IN_8):
        body = body.replace(b"u1", b"u\xff1", 1)
    return draw(BYTE_ORDER_MARKS) + body
