"""The figures of identity health: what each counts, and the range in which it should be.

Pure: a check is a function of a sample of people. The ranges are those of stores whose people are
joined well; a figure outside is a reason to look, and no proof of a fault.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from profiles.health.people import COUNTRY, GENDER, Sampled
from profiles.matching.fields import Field

# Of fewer people a share says nothing.
LEAST_PEOPLE = 50
MOST_CASES = 20


class Health(StrEnum):
    """How a figure is to be read."""

    IN_RANGE = "in_range"
    OUT_OF_RANGE = "out_of_range"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Check:
    """One figure. `among` says whom it is about, `counts` who of them is counted.

    `value` is their share in percent; it should be from `low` to `high`.
    """

    key: str
    title: Promise
    advice: Promise
    high: float
    counts: Callable[[Sampled], bool]
    among: Callable[[Sampled], bool] = lambda person: True
    low: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `value` in percent of `people`, and some of those who were counted."""

    check: Check
    people: int
    counted: int
    cases: list[UUID]

    @property
    def value(self) -> float:
        return round(100 * self.counted / self.people, 3) if self.people else 0.0

    @property
    def health(self) -> Health:
        if self.people < LEAST_PEOPLE:
            return Health.TOO_FEW
        is_in_range = self.check.low <= self.value <= self.check.high
        return Health.IN_RANGE if is_in_range else Health.OUT_OF_RANGE


def find(checks: Iterable[Check], people: Sequence[Sampled]) -> list[Finding]:
    """Return what the checks find in a sample; the largest people come first among the cases."""
    ordered = sorted(people, key=lambda person: (-person.size, person.uuid))
    findings = []
    for check in checks:
        among = [person for person in ordered if check.among(person)]
        counted = [person for person in among if check.counts(person)]
        cases = [person.uuid for person in counted[:MOST_CASES]]
        findings.append(Finding(check, len(among), len(counted), cases))
    return findings


def checks_for(people: Sequence[Sampled]) -> list[Check]:
    """Return all checks; those of shared values know which values the sample shares."""
    return [*CHECKS, *(_shared(kind, people) for kind in (Field.EMAIL, Field.PHONE))]


def _says(kind: str, person: Sampled) -> bool:
    return bool(person.values.get(kind))


def _says_over(most: int, kind: str, person: Sampled) -> bool:
    return len(person.values.get(kind, ())) > most


def _holds_over(most: int, namespace: str, person: Sampled) -> bool:
    return person.identifiers.get(namespace, 0) > most


def _said(key: str, title: Promise, kind: str, *, most: int, high: float) -> Check:
    """Return the check of those who say more than `most` values of a kind."""
    mixed = _("Look at some of these people; where two are one, say that they are not the same.")
    return Check(key, title, mixed, high, partial(_says_over, most, kind), partial(_says, kind))


def _held(
    key: str, title: Promise, namespace: str, *, most: int, high: float, advice: Promise
) -> Check:
    """Return the check of those who hold more than `most` identifiers of a namespace."""
    among = partial(_holds_over, 0, namespace)
    return Check(key, title, advice, high, partial(_holds_over, most, namespace), among)


def _is_unvouched(person: Sampled) -> bool:
    return not any(person.vouched.get(namespace) for namespace in REACHED_BY)


def _is_reached(person: Sampled) -> bool:
    return any(_holds_over(0, namespace, person) for namespace in REACHED_BY)


REACHED_BY = ("email", "phone")
_LIMIT = _("Lower the limit of this namespace under Other rules, and see who would part.")

CHECKS = (
    _said(
        "given_names",
        _("People with more than two given names"),
        Field.GIVEN_NAME,
        most=2,
        high=2,
    ),
    _said("surnames", _("People with more than two surnames"), Field.SURNAME, most=2, high=2),
    _said(
        "birth_dates",
        _("People with more than one date of birth"),
        Field.BIRTH_DATE,
        most=1,
        high=1,
    ),
    _said("genders", _("People with more than one gender"), GENDER, most=1, high=1),
    _said("countries", _("People with more than two countries"), COUNTRY, most=2, high=3),
    _said(
        "national_ids",
        _("People with more than one national number"),
        Field.NATIONAL_ID,
        most=1,
        high=0.2,
    ),
    _held(
        "user_ids",
        _("People with more than one account of yours"),
        "user_id",
        most=1,
        high=2,
        advice=_("Make user_id unique, or see which system gives a person a new one."),
    ),
    _held(
        "emails",
        _("People with more than five e-mail addresses"),
        "email",
        most=5,
        high=1,
        advice=_LIMIT,
    ),
    _held(
        "phones",
        _("People with more than five telephone numbers"),
        "phone",
        most=5,
        high=1,
        advice=_LIMIT,
    ),
    _held(
        "devices",
        _("People with more than fifty anonymous ids"),
        "anonymous_id",
        most=50,
        high=1,
        advice=_(
            "A shared device or a script that forgets its id: look at the sources of these people."
        ),
    ),
    Check(
        "size_tail",
        _("People with more than a hundred identifiers"),
        _("What they share joins strangers: block the value, or mark its namespace as weak."),
        0.1,
        lambda person: person.size > 100,
    ),
    Check(
        "singletons",
        _("People known by one identifier alone"),
        _("Above: sources do not name people alike, so that nothing joins. Below: check the rest."),
        95,
        lambda person: person.size == 1,
        low=1,
    ),
    Check(
        "unvouched",
        _("People whose addresses nobody vouches for"),
        _("Send identify from a server, with a secret key, when somebody signs in."),
        60,
        _is_unvouched,
        _is_reached,
    ),
    Check(
        "empty",
        _("People without any trait and with one identifier"),
        _("Visitors who left no name; let a retention rule end them if they are too many."),
        90,
        lambda person: not person.values and person.size <= 1,
    ),
)
_SHARED_TITLES = {
    Field.EMAIL: _("People whose e-mail address another person says too"),
    Field.PHONE: _("People whose telephone number another person says too"),
}


def _shared(kind: Field, people: Sequence[Sampled]) -> Check:
    holders = Counter(text for person in people for text in person.values.get(kind, ()))
    shared = {text for text, count in holders.items() if count > 1}
    return Check(
        f"shared_{kind}s",
        _SHARED_TITLES[kind],
        _("Two profiles of one person, or a family: see the proposals, and decide."),
        3,
        lambda person: not shared.isdisjoint(person.values.get(kind, ())),
        partial(_says, kind),
    )
