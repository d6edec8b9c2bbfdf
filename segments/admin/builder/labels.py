"""The words of the builder. A kind, field or operator without words here is shown by its name."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Label = str | Promise

# What can be added, in the order in which it is offered: `kind` or `kind:aggregate`.
TITLES: Mapping[str, Label] = {
    "event": _("Did something"),
    "event:net": _("Money spent"),
    "event:sum": _("Total of something"),
    "event:last_at": _("Last time"),
    "trait": _("Trait"),
    "consent": _("Permission"),
    "segment": _("Segment"),
    "sequence": _("Steps in order"),
    "regular": _("Regularly"),
    "identifier": _("Identifier"),
    "source": _("Known to a source"),
    "stated": _("Whose data it is"),
    "geo": _("Near a place"),
    "bucket": _("Random part"),
    "everyone": _("Everybody"),
    "session": _("Visits"),
    "rank": _("Best by rank"),
    "list": _("Uploaded list"),
    "rfm": _("RFM group"),
    "life_cycle": _("Life-cycle"),
    "account": _("Account"),
    "property": _("Property"),
    "context": _("Device or place"),
    "time": _("Time of day or year"),
    "any": _("Some item of a list"),
    "key": _("Key of the account"),
}
GROUPS: Mapping[str, Label] = {
    "all": _("All of these"),
    "any": _("Any of these"),
    "none": _("None of these"),
    "at_least": _("At least … of these"),
    "not_all": _("Not all of these"),
    "fewer": _("Fewer than … of these"),
}
# The word at the beginning of a leaf, and that of its opposite.
WORDS: Mapping[str, tuple[Label, Label]] = {
    "is": (_("is"), _("is not")),
    "has": (_("has"), _("has not")),
    "does": (_("does"), _("does not")),
}
VERBS: Mapping[str, str] = {
    "consent": "does",
    **dict.fromkeys(
        (
            *("segment", "source", "bucket", "geo", "everyone", "list", "rfm", "rank"),
            *("life_cycle", "account", "stated"),
        ),
        "is",
    ),
}
# What stands before a field: `kind.field`, else of the field in every kind.
LEADS: Mapping[str, Label] = {
    "trait.key": "",
    "geo.key": "",
    "event.name": _("of"),
    "event.property": _("of"),
    "regular.name": pgettext_lazy("what somebody did", "done"),
    "regular.at_least": _("in at least"),
    "regular.of": _("of the last"),
    "regular.period": _("complete"),
    "sequence.name": _("did"),
    "sequence.steps": "",
    "segment.key": _("in segment"),
    "consent.purpose": _("permit"),
    "identifier.namespace": "",
    "source.key": _("known to"),
    "stated.party": _("known from"),
    "stated.key": _("by the trait"),
    "stated_within": _("stated within"),
    "bucket.salt": _("in the draw"),
    "bucket.from": _("from %"),
    "bucket.to": _("to %"),
    "geo.within_km": _("within km"),
    "geo.of": _("of latitude, longitude"),
    "property.key": "",
    "context.key": _("with"),
    "any.key": _("some of"),
    "time.part": _("in the"),
    "list.key": _("in the list"),
    "account.match": _("in"),
    "rank.top": _("best %"),
    "session.property": _("of"),
    "rank.name": _("of"),
    "rank.property": _("of"),
    "rfm.key": _("of the model"),
    "rfm.groups": _("in"),
    "life_cycle.name": _("by"),
    "life_cycle.stages": "",
    "entered_within": _("entered within"),
    "seen_within": _("seen within"),
    "within": _("within"),
    "where": _("where"),
    "window": "",
    "kind": _("as"),
    "zone": _("clock of"),
    "same": _("with the same"),
    "of_first": _("as first"),
    "absent": _("must not come"),
    "ignore_case": _("in any case"),
    "ignore_accents": _("with or without accents"),
    "operator": "",
    "value": "",
    "aggregate": "",
    "permitted": "",
}
# What a field is called to those who hear it alone.
FIELD_LABELS: Mapping[str, Label] = {
    "aggregate": _("what is counted"),
    "operator": _("comparison"),
    "value": _("value"),
    "key": _("key"),
    "name": _("event"),
    "namespace": _("kind of identifier"),
    **{unit: _("how many") for unit in ("minutes", "hours", "days", "weeks", "months", "years")},
    **{window: _("period") for window in ("this", "previous")},
}
OPERATORS: Mapping[str, Label] = {
    "exists": _("is known"),
    "equals": _("is"),
    "in": _("is one of"),
    "contains": _("contains"),
    "starts_with": _("starts with"),
    "ends_with": _("ends with"),
    "matches": _("matches the pattern"),
    "gt": _("more than"),
    "gte": _("at least"),
    "lt": _("less than"),
    "lte": _("at most"),
    "between": _("between"),
    "before": _("before"),
    "after": _("after"),
    "on": _("on"),
    "in_last": _("in the last"),
    "in_next": _("in the next"),
    "more_than_ago": _("longer ago than"),
    "this": _("in this"),
    "previous": _("in the previous"),
    "anniversary_in_next": _("anniversary in the next"),
    "age_gte": _("age at least"),
    "age_lte": _("age at most"),
    "age_between": _("age between"),
    "includes": _("includes"),
    "includes_any": _("includes any of"),
    "includes_all": _("includes all of"),
    "includes_none": _("includes none of"),
    "length_gte": _("has at least items"),
    "length_lte": _("has at most items"),
    "length_equals": _("has exactly items"),
    "not_exists": _("is not known"),
    "not_equals": _("is not"),
    "not_in": _("is none of"),
    "not_contains": _("does not contain"),
    "not_starts_with": _("does not start with"),
    "not_ends_with": _("does not end with"),
    "not_matches": _("does not match the pattern"),
    "not_between": _("not between"),
    "not_in_last": _("not in the last"),
    "not_in_next": _("not in the next"),
    "not_includes": _("does not include"),
}
# What a button offers of a field that nothing stands before.
OFFERED: Mapping[str, Label] = {"window": _("in a period")}
CHOICES: Mapping[str, Label] = {
    "count": pgettext_lazy("what somebody did", "done"),
    "sum": _("sum"),
    "net": _("net value"),
    "avg": _("average"),
    "min": _("least"),
    "max": _("greatest"),
    "distinct": _("different values"),
    "first": _("first value"),
    "last": _("last value"),
    "most_frequent": _("most frequent value"),
    "days_between": _("days between"),
    "first_at": _("first time"),
    "last_at": _("last time"),
    "track": _("event"),
    "page": _("page"),
    "screen": _("screen"),
    "minutes": _("minutes"),
    "hours": _("hours"),
    "days": _("days"),
    "weeks": _("weeks"),
    "months": _("months"),
    "years": _("years"),
    "day": _("day"),
    "week": _("week"),
    "month": _("month"),
    "quarter": _("quarter"),
    "year": _("year"),
    "hour": _("hour"),
    "weekday": _("day of the week"),
    "any": _("an account"),
    "all": _("accounts only"),
    "none": _("no account"),
    "store": _("the shop"),
    "event": _("the visitor"),
}
# Of the field `party`.
PARTIES: Mapping[str, Label] = {
    "first": _("first-party data (done with us)"),
    "zero": _("zero-party data (told us)"),
    "third": _("third-party data (passed on by others)"),
}
WINDOWS: Mapping[str, Label] = {
    "last": _("in the last"),
    "between_ago": _("between ago"),
    "this": _("in this"),
    "previous": _("in the previous"),
    "range": _("from … until before"),
    "from": _("since"),
    "to": _("before"),
}
TYPES: Mapping[str, Label] = {"text": _("text"), "number": _("number"), "flag": _("yes or no")}


def label_of(table: Mapping[str, Label], name: object) -> Any:
    """Return the words for a name, else the name itself in words; what is typed may be any JSON."""
    text = str(name)
    return table.get(text, text.replace("_", " "))


def title_of(kind: str) -> Any:
    return TITLES.get(kind, kind.replace("_", " ").capitalize())


def word_of(kind: str, *, is_negated: bool) -> Any:
    return WORDS[VERBS.get(kind, "has")][is_negated]


def lead_of(kind: str, name: str) -> Any:
    return LEADS.get(f"{kind}.{name}", LEADS.get(name, name.replace("_", " ")))
