"""People whose membership time alone changes, one for each kind of time leaf."""

from datetime import UTC, datetime, timedelta

from tests.factories import NOW
from tests.oracles.segment_worlds import NaiveAccount, NaiveEvent, NaivePerson
from tests.segments.evaluations import negation, orders, trait
from tests.segments.worlds import order

BORN_WHERE = {"type": "property", "key": "until", "operator": "in_last", "value": {"days": 3}}
MIDNIGHT = datetime(2026, 3, 15, 23, 0, tzinfo=UTC)

# A definition, a person, and when their membership changes: they leave, or only then enter.
FLIPS = {
    "an event leaves a window of days": (
        orders(window={"last": {"days": 7}}),
        NaivePerson(events=[order(6)]),
        NOW + timedelta(days=1),
    ),
    "an event leaves a window of months": (
        orders(window={"last": {"months": 1}}),
        NaivePerson(
            events=[NaiveEvent("Order Completed", datetime(2026, 2, 28, 9, 0, tzinfo=UTC))]
        ),
        datetime(2026, 3, 28, 9, 0, tzinfo=UTC),
    ),
    "one of two events leaves, and who had too many is in": (
        orders("lte", 1, window={"last": {"days": 7}}),
        NaivePerson(events=[order(6), order(1)]),
        NOW + timedelta(days=1),
    ),
    "the last event becomes too old": (
        orders("in_last", {"days": 2}, aggregate="last_at"),
        NaivePerson(events=[order(5), order(1)]),
        NOW + timedelta(days=1),
    ),
    "the silence becomes long enough": (
        negation(orders("in_last", {"weeks": 1}, aggregate="last_at")),
        NaivePerson(events=[order(1)]),
        NOW + timedelta(days=6),
    ),
    "an event dated in the future comes": (
        orders(),
        NaivePerson(events=[order(-3)]),
        NOW + timedelta(days=3),
    ),
    "the second of two events dated in the future comes": (
        orders("gte", 2),
        NaivePerson(events=[order(-3), order(-4)]),
        NOW + timedelta(days=4),
    ),
    "a trait's date becomes too old": (
        trait("signed_up", "in_last", {"days": 30}),
        NaivePerson(traits={"signed_up": "2026-02-14T12:00:00Z"}),
        NOW + timedelta(days=1),
    ),
    "a trait's date comes": (
        trait("starts", "in_last", {"days": 30}),
        NaivePerson(traits={"starts": "2026-03-16"}),
        MIDNIGHT,
    ),
    "a birthday brings somebody in": (
        trait("born", "age_between", [18, 30]),
        NaivePerson(traits={"born": "2008-03-16"}),
        MIDNIGHT,
    ),
    "a birthday takes somebody out": (
        trait("born", "age_between", [30, 40]),
        NaivePerson(traits={"born": "1985-03-16"}),
        MIDNIGHT,
    ),
    "a date of their account comes near": (
        {
            "type": "account",
            "match": "any",
            "where": {
                "type": "trait",
                "key": "renews",
                "operator": "in_next",
                "value": {"days": 7},
            },
        },
        NaivePerson(accounts=[NaiveAccount("acme", {"renews": "2026-03-23"})]),
        MIDNIGHT,
    ),
    "a consent expires": (
        {"type": "consent", "purpose": "newsletter", "permitted": True},
        NaivePerson(consents={"newsletter": NOW + timedelta(days=2)}),
        NOW + timedelta(days=2),
    ),
    "a trait's date comes near": (
        trait("renews", "in_next", {"days": 7}),
        NaivePerson(traits={"renews": "2026-03-23"}),
        MIDNIGHT,
    ),
    "a trait's date that was near has come": (
        trait("renews", "in_next", {"days": 7}),
        NaivePerson(traits={"renews": "2026-03-16T09:00:00Z"}),
        datetime(2026, 3, 16, 9, 0, tzinfo=UTC),
    ),
    "a trait's date becomes long ago": (
        trait("signed_up", "more_than_ago", {"months": 1}),
        NaivePerson(traits={"signed_up": "2026-02-20"}),
        datetime(2026, 3, 20, 23, 0, tzinfo=UTC),
    ),
    "a trait's month begins": (
        trait("renews", "this", "month"),
        NaivePerson(traits={"renews": "2026-04-30"}),
        datetime(2026, 3, 31, 22, 0, tzinfo=UTC),
    ),
    "a trait's week is no longer the previous one": (
        trait("signed_up", "previous", "week"),
        NaivePerson(traits={"signed_up": "2026-03-05"}),
        MIDNIGHT,
    ),
    "an anniversary comes near": (
        trait("born", "anniversary_in_next", {"weeks": 1}),
        NaivePerson(traits={"born": "1990-03-23"}),
        MIDNIGHT,
    ),
    "an anniversary is over": (
        trait("born", "anniversary_in_next", {"weeks": 1}),
        NaivePerson(traits={"born": "1990-03-15"}),
        MIDNIGHT,
    ),
    "somebody comes of age": (
        trait("born", "age_gte", 18),
        NaivePerson(traits={"born": "2008-03-16"}),
        MIDNIGHT,
    ),
    "an event becomes old enough for a window": (
        orders(window={"between_ago": [{"days": 60}, {"days": 7}]}),
        NaivePerson(events=[order(6)]),
        NOW + timedelta(days=1),
    ),
    "an event becomes too old for a window that ended earlier": (
        orders(window={"between_ago": [{"months": 1}, {"days": 7}]}),
        NaivePerson(
            events=[NaiveEvent("Order Completed", datetime(2026, 2, 28, 9, 0, tzinfo=UTC))]
        ),
        datetime(2026, 3, 28, 9, 0, tzinfo=UTC),
    ),
    "this week ends": (
        orders(window={"this": "week"}),
        NaivePerson(events=[order(2)]),
        MIDNIGHT,
    ),
    "the previous week ends": (
        orders(window={"previous": "week"}),
        NaivePerson(events=[order(8)]),
        MIDNIGHT,
    ),
    "the week of an event becomes the previous one": (
        orders(window={"previous": "week"}),
        NaivePerson(events=[order(2)]),
        MIDNIGHT,
    ),
    "the last event is no longer of this quarter": (
        orders("this", "quarter", aggregate="last_at"),
        NaivePerson(events=[order(2)]),
        datetime(2026, 3, 31, 22, 0, tzinfo=UTC),
    ),
    "the first event becomes long ago": (
        orders("more_than_ago", {"days": 2}, aggregate="first_at"),
        NaivePerson(events=[order(1)]),
        NOW + timedelta(days=1),
    ),
    "the first value leaves the window": (
        orders("equals", "a", aggregate="first", property="sku", window={"last": {"days": 7}}),
        NaivePerson(events=[order(6, sku="a"), order(1, sku="b")]),
        NOW + timedelta(days=1),
    ),
    "a date that the last event gave comes near": (
        orders("in_next", {"days": 3}, aggregate="last", property="until"),
        NaivePerson(events=[order(20, until="2026-03-19T12:00:00Z")]),
        NOW + timedelta(days=1),
    ),
    "an absent step runs out": (
        {
            "type": "sequence",
            "steps": [
                {"name": "Order Completed"},
                {"name": "Reviewed", "within": {"days": 3}, "absent": True},
            ],
        },
        NaivePerson(events=[order(2)]),
        NOW + timedelta(days=1),
    ),
    "the first step of a sequence leaves its window": (
        {
            "type": "sequence",
            "steps": [
                {"name": "Order Completed"},
                {"name": "Order Completed", "within": {"days": 3}},
            ],
            "window": {"last": {"days": 7}},
        },
        NaivePerson(events=[order(6), order(5)]),
        NOW + timedelta(days=1),
    ),
    "a session leaves its window": (
        {
            "type": "session",
            "operator": "gte",
            "value": 1,
            "window": {"last": {"days": 7}},
        },
        NaivePerson(events=[order(6), order(6 - 0.01)]),
        NOW + timedelta(days=1),
    ),
    "a week becomes complete": (
        {"type": "regular", "name": "Order Completed", "period": "week", "at_least": 2, "of": 2},
        NaivePerson(events=[order(8), order(1)]),
        MIDNIGHT,
    ),
    "a regular week is too long ago": (
        {"type": "regular", "name": "Order Completed", "period": "week", "at_least": 1, "of": 2},
        NaivePerson(events=[order(14)]),
        MIDNIGHT,
    ),
    "an event of a source becomes too old": (
        {"type": "source", "key": "shop", "seen_within": {"days": 7}},
        NaivePerson(events=[order(6)]),
        NOW + timedelta(days=1),
    ),
    "a trait that a source stated becomes too old": (
        {"type": "source", "key": "shop", "seen_within": {"days": 7}},
        NaivePerson(records={"shop": [NOW - timedelta(days=8), NOW - timedelta(days=6)]}),
        NOW + timedelta(days=1),
    ),
    "what people told us becomes too old": (
        {"type": "stated", "party": "zero", "key": "t0", "stated_within": {"days": 7}},
        NaivePerson(records={"crm": [NOW - timedelta(days=6)]}),
        NOW + timedelta(days=1),
    ),
    "a date inside a list in an event becomes too old": (
        orders(where={"type": "any", "key": "items", "where": BORN_WHERE}),
        NaivePerson(events=[order(20, items=[{"until": "2026-03-13T12:00:00Z"}])]),
        NOW + timedelta(days=1),
    ),
    "a date inside an event becomes too old": (
        orders(where=BORN_WHERE),
        NaivePerson(events=[order(20, until="2026-03-13T12:00:00Z")]),
        NOW + timedelta(days=1),
    ),
}
