"""The tab People: the members, searched, sorted and with the columns that were chosen.

Invariant: everything is masked, and a search compares only what the user is shown. What was typed
is in no address: it comes in the body of a POST.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.http import QueryDict
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import NAME_TRAITS, display_name, readable_trait
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import EventStat, Profile, TraitDefinition
from profiles.services import amount_text, currencies_of
from segments.admin.sample import age_band
from segments.memberships.worth import order_names
from segments.models import Membership, Segment

PER_PAGE = 25
MOST_PAGES = 400  # an offset reads all rows that it skips
MAX_SEARCH = 100
MAX_COLUMNS = 8
SECONDS = 5
SEARCHED_TRAITS = (*(key for keys in NAME_TRAITS for key in keys), "email", "phone", "city")
# Columns that every store has, beside its traits.
COLUMNS = {
    "city": _("City"),
    "age": _("Age"),
    "orders": _("Orders"),
    "value": _("Value"),
    "last_order": _("Last order"),
    "last_seen": _("Last seen"),
}
USUAL_COLUMNS = ("city", "orders", "value", "last_order")
ORDERS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "newest": (_("Latest members first"), ("-entered_at", "profile_id")),
    "oldest": (_("Earliest members first"), ("entered_at", "profile_id")),
    "value": (_("Highest value first"), (F("value").desc(nulls_last=True), "profile_id")),
    "orders": (_("Most orders first"), (F("orders").desc(nulls_last=True), "profile_id")),
    "seen": (_("Seen last first"), ("-profile__last_seen_at", "profile_id")),
}


@dataclass(frozen=True, slots=True)
class PeopleSearch:
    """Whom the tab lists: words that all must be found, the order, the columns and the page."""

    words: tuple[str, ...] = ()
    order: str = "newest"
    columns: tuple[str, ...] = USUAL_COLUMNS
    page: int = 1

    @property
    def text(self) -> str:
        return " ".join(self.words)


class PersonRow(NamedTuple):
    """One member, as far as the user may see them."""

    profile_id: int
    name: str
    cells: list[str]
    entered_at: Any


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of members. `rows` are None where the search takes too long."""

    rows: list[PersonRow] | None
    has_next: bool = False


def read_search(form: QueryDict, choices: Mapping[str, Any]) -> PeopleSearch:
    """Return the search that a form asks for; what it does not know is left out."""
    columns = tuple(name for name in form.getlist("column") if name in choices)[:MAX_COLUMNS]
    page, order = form.get("page", ""), form.get("order", "")
    number = int(page) if page.isdecimal() and len(page) < 5 else 1
    return PeopleSearch(
        tuple(form.get("q", "")[:MAX_SEARCH].replace("\x00", "").split()),
        order if order in ORDERS else "newest",
        columns if "chosen" in form else USUAL_COLUMNS,
        min(max(number, 1), MOST_PAGES),
    )


def column_choices(mask: Mask) -> dict[str, Any]:
    """Return the titles of the columns that the user may choose; of traits only those shown."""
    definitions = TraitDefinition.objects.exclude(type=TraitDefinition.Type.OBJECT)
    traits = {
        f"trait:{row.key}": row.label or row.key
        for row in definitions.order_by("key")
        if mask.is_open or mask.categories.is_shown(row.key)
    }
    return COLUMNS | {name: title for name, title in traits.items() if name != "trait:city"}


def people_page(segment: Segment, search: PeopleSearch, mask: Mask, today: date) -> PeoplePage:
    """Return a page of the members that a search finds. Takes two queries."""
    start = (search.page - 1) * PER_PAGE
    members = _matching(segment, search, mask).order_by(*ORDERS[search.order][1])
    try:
        with time_limit(SECONDS):
            # One more than is shown tells whether there is another page.
            rows: list[Any] = list(members[start : start + PER_PAGE + 1])
    except OperationalError as error:
        fault_of(error)
        return PeoplePage(None)
    profiles = Profile.objects.in_bulk([row.profile_id for row in rows])
    money = _money_in(search.columns)
    return PeoplePage(
        [
            _row(row, profiles[row.profile_id], search.columns, mask, today, money)
            for row in rows[:PER_PAGE]
            if row.profile_id in profiles
        ],
        has_next=len(rows) > PER_PAGE and search.page < MOST_PAGES,
    )


def _matching(segment: Segment, search: PeopleSearch, mask: Mask) -> QuerySet[Membership]:
    stats = EventStat.objects.filter(
        profile_id=OuterRef("profile_id"), name__kind="track", name__name=settings.ORDER_EVENT
    )
    members: QuerySet[Any] = Membership.objects.filter(
        segment=segment, profile__is_restricted=False
    ).annotate(
        orders=Subquery(stats.values("count")[:1]),
        value=Subquery(stats.values("sum")[:1]),
        last_order=Subquery(stats.values("last_at")[:1]),
    )
    keys = _searched_keys(search, mask)
    if search.words and not keys:
        return members.none()
    members = members.alias(
        **{
            f"searched_{place}": KeyTextTransform(key, "profile__traits")
            for place, key in enumerate(keys if search.words else ())
        }
    )
    for word in search.words:
        matches = Q()
        for place in range(len(keys)):
            matches |= Q(**{f"searched_{place}__icontains": word})
        members = members.filter(matches)
    return members


def _searched_keys(search: PeopleSearch, mask: Mask) -> list[str]:
    """Return the traits that words are looked for in: none that the user does not see."""
    chosen = (name.removeprefix("trait:") for name in search.columns if name.startswith("trait:"))
    keys = dict.fromkeys((*SEARCHED_TRAITS, *chosen))
    return [key for key in keys if mask.is_open or mask.categories.is_shown(key)]


class Money(NamedTuple):
    """The currencies of orders, and which of the columns are traits that are amounts."""

    currencies: Sequence[str]
    traits: Collection[str]


def _money_in(columns: Sequence[str]) -> Money:
    keys = [name.removeprefix("trait:") for name in columns if name.startswith("trait:")]
    amounts = TraitDefinition.objects.filter(key__in=keys, is_money=True)
    return Money(
        currencies_of(order_names()) if "value" in columns else (),
        set(amounts.values_list("key", flat=True)) if keys else (),
    )


def _row(
    member: Any, profile: Profile, columns: Sequence[str], mask: Mask, today: date, money: Money
) -> PersonRow:
    return PersonRow(
        profile.pk,
        display_name(profile.traits, mask),
        [_cell(name, member, profile, mask, today, money) for name in columns],
        member.entered_at,
    )


def _cell(name: str, member: Any, profile: Profile, mask: Mask, today: date, money: Money) -> str:
    match name:
        case "age":
            return age_band(profile, today)
        case "orders":
            return number_format(member.orders or 0, force_grouping=True)
        case "value":
            return amount_text(member.value or 0, money.currencies)
        case "last_order":
            return date_format(member.last_order, "j M Y") if member.last_order else ""
        case "last_seen":
            return date_format(profile.last_seen_at, "j M Y")
    key = name.removeprefix("trait:")
    value: Any = profile.traits.get(key)
    if value is None:
        return ""
    return readable_trait(mask.trait(key, value), is_money=key in money.traits)
