"""Strange people, as odd as the tracking API accepts them: their messages, as JSON texts."""

import json
import random
from collections.abc import Iterator

LONG = "x" * 20_000
DEEP = '{"a":' * 12 + "1" + "}" * 12
# Values as JSON texts, so that no encoder makes them ordinary.
ODD_VALUES = [
    *("null", "true", "false", "0", "-0", "-0.0", "1e300", "-1e300", "5e-324", "1E+2", "0.10"),
    *("9007199254740993", "1" * 300, "0." + "1" * 40, "1e-300", "12345678901234567890.123456789"),
    *('""', '" "', '"\\u200b"', '"\\u202eabc"', '"\\ud83d\\ude00"', '"e\\u0301"', '"\\u0130"'),
    *('"<script>alert(1)</script>"', '"{{ 7 }}{% if %}"', '"\'; DROP TABLE x; --"', '"%s %d %%"'),
    *('"\\\\"', '"\\n\\r\\t"', f'"{LONG}"', '"1e5"', '"NaN"', '"null"', '"undefined"', '"0033612"'),
    *('"0001-01-01"', '"9999-12-31T23:59:59-01:00"', '"2026-02-30"', '"2024-02-29"', '"24:00"'),
    *('"2026-03-29T02:30:00"', '"10000-01-01"', '"2026-03-15T09:30:00+14:00"', '"-5"', '"5"'),
    *("[]", "{}", "[[]]", "[{}]", "[null]", '[1,"1",true,null]', '{"":""}', '{"a":null}', DEEP),
    *("[" + ",".join(["1"] * 1000) + "]", '{"__proto__":1,"constructor":2}', '["a","a","A"]'),
]
ODD_KEYS = [
    *("a", "email", "phone", "name", "first_name", "last_name", "city", "address", "birth_date"),
    *("age", "interests", "", " ", ".", "a.b", "a\\.b", "__proto__", "%s", "{x}", "$ne", "é", "ß"),
    *("created_at", "avatar", "k" * 255, "<b>", "'", '"', "\u202e", "😀", "null", "id", "traits"),
]
ODD_NAMES = ["Order Completed", "*", " x", "%", "{}", "<b>", "é", "😀", "n" * 255, "null", "'", '"']
ODD_TIMES = [
    *("2026-03-15T12:00:00Z", "1970-01-01T00:00:00Z", "2026-11-27T00:00:00+14:00"),
    *("2024-02-29T23:59:59.999999Z", "1999-12-31T23:59:59-12:00", "2026-03-29T02:30:00+01:00"),
]
CITIES = ["Lyon", "lyon", "LYON", "Łódź", "São Paulo", "東京"]


def messages_of(number: int) -> Iterator[str]:
    """Yield the messages of a strange person, the same ones for the same number."""
    choose = random.Random(number)
    device = f'"anonymousId":"solo-{number}"'
    if number % 3 == 0:
        # A profile of its own, until its person logs in below.
        yield f'{{"type":"identify",{device},"traits":{_document(choose)}}}'
    user = json.dumps(_user_id(number, choose))
    names = [
        f'"userId":{user}',
        f'"anonymousId":"dev-{number % 60}"',
    ]
    for turn in range(3):
        who = ",".join(choose.sample(names, choose.choice([1, 2]) if turn else 2))
        head = f'{who},"messageId":"m-{number}-{turn}","timestamp":"{choose.choice(ODD_TIMES)}"'
        yield f'{{"type":"identify",{head},"traits":{_document(choose)}}}'
        name = json.dumps(choose.choice(ODD_NAMES))
        kind = choose.choice(['"track","event"', '"page","name"', '"screen","name"'])
        head = head.replace('"m-', '"e-')
        yield (
            f'{{"type":{kind}:{name},{head},"properties":{_document(choose, "revenue")},'
            f'"context":{{"device":{_document(choose)},"traits":{_document(choose)}}}}}'
        )
    if number % 3 == 0:
        yield f'{{"type":"identify","userId":{user},{device},"traits":{_document(choose)}}}'


def _user_id(number: int, choose: random.Random) -> str | int:
    odd = [number + 1000, f"u {number}", f"ü-{number}", f"<{number}>", f"'{number}", f"{number}😀"]
    return choose.choice([f"u-{number}", *odd])


def _document(choose: random.Random, *keys: str) -> str:
    chosen = dict.fromkeys([*keys, *choose.sample(ODD_KEYS, choose.randint(0, 6))])
    members = [f"{json.dumps(key)}:{choose.choice(ODD_VALUES)}" for key in chosen]
    return "{" + ",".join([*members, f'"home":{json.dumps(choose.choice(CITIES))}']) + "}"
