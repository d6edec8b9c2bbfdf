"""Two people side by side: what each is called, what is said of them, and where they agree."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Sum
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from profiles import reads
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import readable
from profiles.identity.engine import PROFILE
from profiles.models import EventStat, Profile
from profiles.services import CONTACT_TRAITS


class SideRow(NamedTuple):
    """One thing that is known of both; `agreement` is "same", "other", or empty if one lacks it."""

    label: str
    one: Sequence[str]
    other: Sequence[str]
    agreement: str


def compare_sides(pair: tuple[Profile, Profile], mask: Mask) -> list[SideRow]:
    """Return what is known of two people: identifiers, then traits, then what they did.

    The caller shows no restricted person.
    """
    one, other = reads.represent_profiles(pair, with_restricted=True)
    return [
        *_identifiers(one, other, mask),
        *_traits(one["traits"], other["traits"], mask),
        *_figures(pair),
    ]


def _identifiers(one: Mapping[str, Any], other: Mapping[str, Any], mask: Mask) -> Iterator[SideRow]:
    sides = [_by_namespace(side) for side in (one, other)]
    for namespace in sorted(sides[0].keys() | sides[1].keys()):
        values = [side.get(namespace, []) for side in sides]
        one_masked, other_masked = (
            [mask.identifier(namespace, value) for value in side] for side in values
        )
        yield SideRow(namespace, one_masked, other_masked, _agreement(*values))


def _by_namespace(side: Mapping[str, Any]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for identifier in side["identifiers"]:
        if identifier["namespace"] != PROFILE:
            values.setdefault(identifier["namespace"], []).append(identifier["value"])
    return values


def _traits(one: Mapping[str, Any], other: Mapping[str, Any], mask: Mask) -> Iterator[SideRow]:
    # Golden addresses and numbers are among the identifiers.
    for key in sorted((one.keys() | other.keys()) - set(CONTACT_TRAITS)):
        values = [[side[key]] if key in side else [] for side in (one, other)]
        one_masked, other_masked = (
            [readable(mask.trait(key, value)) for value in side] for side in values
        )
        yield SideRow(key, one_masked, other_masked, _agreement(*values))


def _figures(pair: Sequence[Profile]) -> Iterator[SideRow]:
    stats = EventStat.objects.filter(profile__in=pair).values_list("profile_id")
    counts = dict(stats.annotate(Sum("count")))
    events = [[number_format(counts.get(side.pk, 0), force_grouping=True)] for side in pair]
    yield SideRow(gettext("Events"), events[0], events[1], "")
    for label, field in (
        (gettext("First seen"), "first_seen_at"),
        (gettext("Last seen"), "last_seen_at"),
    ):
        days = [[date_format(localtime(getattr(side, field)), "j M Y")] for side in pair]
        yield SideRow(label, days[0], days[1], "")


def _agreement(one: Sequence[Any], other: Sequence[Any]) -> str:
    if not one or not other:
        return ""
    return "same" if any(value in other for value in one) else "other"
