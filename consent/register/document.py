"""The register itself: purposes, sources, recipients, classes of data, retention and safeguards.

Invariant: nothing in it is of a person, and nothing is typed for it alone: it says what the store
goes by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext, ngettext, pgettext

from consent.models import RetentionRuleVersion
from consent.purposes.versions import current_versions
from consent.register.recipients import Recipient, all_recipients
from consent.retention.inventory import stores_with_lifetimes
from profiles.models import Source
from profiles.registry import registry


class Controller(NamedTuple):
    """Who decides, how to reach them, and their data protection officer."""

    name: str
    contact: str
    data_protection_officer: str


class Activity(NamedTuple):
    """One purpose as its current version has it."""

    key: str
    title: str
    text: str
    legal_basis: str
    special_basis: str
    categories: list[str]
    recipients: list[str]
    transfer_countries: list[str]
    retention: str
    validity: str
    is_direct_marketing: bool
    is_profiling: bool
    is_automated_decision: bool


class DataClass(NamedTuple):
    """One kind of rows about people: its fields by whose they are, and why any outlive erasure."""

    title: str
    given: list[str]
    observed: list[str]
    inferred: list[str]
    kept: str


class KeptFor(NamedTuple):
    """One retention rule: what is kept for a purpose, for how long, and from when on."""

    purpose: str
    unit: str
    period: str
    anchor: str


class Lifetime(NamedTuple):
    """How many days the store keeps records of its own."""

    subject: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    made_at: datetime
    controller: Controller
    activities: list[Activity]
    sources: list[str]
    recipients: list[Recipient]
    data_classes: list[DataClass]
    retention: list[KeptFor]
    lifetimes: list[Lifetime]
    safeguards: list[str]


def make_register(*, now: datetime) -> Register:
    """Return the register as it is now."""
    return Register(
        made_at=now,
        controller=Controller(
            settings.CONTROLLER_NAME, settings.CONTROLLER_CONTACT, settings.DPO_CONTACT
        ),
        activities=list(_activities()),
        sources=list(Source.objects.order_by("name").values_list("name", flat=True)),
        recipients=all_recipients(),
        data_classes=list(_data_classes()),
        retention=list(_retention()),
        lifetimes=_lifetimes(),
        safeguards=_safeguards(),
    )


def _activities() -> Iterator[Activity]:
    names = [name for name in Activity._fields if name != "key"]
    for version in current_versions():
        yield Activity(version.purpose.key, *(getattr(version, name) for name in names))


def _data_classes() -> Iterator[DataClass]:
    for data in registry:
        if data.given or data.observed or data.inferred:
            yield DataClass(
                pgettext("title of data", data.title),
                list(data.given),
                list(data.observed),
                list(data.inferred),
                data.kept,
            )


def _retention() -> Iterator[KeptFor]:
    """Yield the rules as they are in force: in the newest version that somebody approved."""
    versions = RetentionRuleVersion.objects.filter(
        number=F("rule__approved_version"), is_ended=False
    ).select_related("rule__purpose", "rule__event")
    for version in versions.order_by("rule__purpose__key", "rule__category", "rule__event__name"):
        rule = version.rule
        unit = rule.event.name if rule.event else rule.get_category_display()
        yield KeptFor(rule.purpose.key, unit, version.period, version.get_anchor_display())


def _lifetimes() -> list[Lifetime]:
    return [
        Lifetime(pgettext("title of data", data.lifetime_title), days)
        for data in stores_with_lifetimes()
        if (days := data.lifetime_days)
    ]


def _safeguards() -> list[str]:
    """Return what protects people's data here (article 32), as it is set."""
    cooling, alone = settings.ERASURE_COOLING_HOURS, settings.SECOND_PERSON_ABOVE
    conditional = {
        gettext("All pages and APIs are served over TLS."): settings.PUBLIC_URL.startswith("https"),
        ngettext(
            "Erasures by staff can be stopped for %(number)s hour.",
            "Erasures by staff can be stopped for %(number)s hours.",
            cooling,
        )
        % {"number": cooling}: cooling > 0,
        gettext("Staff log in with a second factor."): settings.REQUIRE_SECOND_FACTOR,
    }
    return [
        gettext("Staff have roles; contact data are masked for whoever may not see them."),
        gettext("What staff change, and whom they look at, is written down."),
        gettext("Keys of the API have scopes and are kept as digests only."),
        gettext("Each use for a purpose asks one gate: consent, objection and restriction."),
        gettext("Consents lie in a ledger that only grows, sealed by a chain of digests."),
        gettext("Erased people are kept out by keyed digests, whose key lies elsewhere."),
        gettext("Calls to other systems are signed and reach no private address."),
        gettext("Requests about more than %(number)s people need a second person.")
        % {"number": alone},
        *(words for words, holds in conditional.items() if holds),
    ]
