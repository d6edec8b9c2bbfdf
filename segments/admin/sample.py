"""What the rail beside the builder shows of people and of the past.

Invariant: nothing is written, every read is bounded, and everything about a person is masked.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from consent.models import Purpose
from profiles.admin.kit.charts import Point, curve, first_and_last
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import display_name, readable
from profiles.models import EventName, EventStat, Profile
from profiles.services import Category
from segments.admin.builder.views import read_definition
from segments.definitions.sensitivity import load_sensitivity
from segments.language.calendar import parse_date
from segments.language.operands import DefinitionError
from segments.services import MomentError, preview

BIRTH_TRAITS = ("birth_date", "birthday", "birthdate", "birthDate", "date_of_birth")
AGE_BAND = 10  # years; an age itself helps to recognise somebody
PAST_DAYS, PAST_STEP = 90, 15


class SampledPerson(NamedTuple):
    """Somebody who would be a member, as far as the user may see them."""

    profile_id: int
    name: str
    city: str
    ages: str
    orders: int
    value: Decimal
    last_order: datetime | None


def sampled_people(uuids: Sequence[UUID], mask: Mask) -> list[SampledPerson]:
    """Return some people with what helps to judge a definition. Takes three queries."""
    profiles = list(Profile.objects.filter(uuid__in=list(uuids), is_restricted=False))
    names = list(
        EventName.objects.filter(kind="track", name=settings.ORDER_EVENT).values_list(
            "pk", flat=True
        )
    )
    stats = EventStat.objects.filter(profile_id__in=[row.pk for row in profiles], name_id__in=names)
    orders = {row.profile_id: row for row in stats}
    return [_sampled(profile, orders.get(profile.pk), mask) for profile in profiles]


def _sampled(profile: Profile, orders: EventStat | None, mask: Mask) -> SampledPerson:
    city: Any = profile.traits.get("city")
    return SampledPerson(
        profile.pk,
        display_name(profile.traits, mask) or gettext("anonymous"),
        "" if city is None else readable(mask.trait("city", city)),
        age_band(profile, timezone.localdate()),
        orders.count if orders else 0,
        orders.sum if orders else Decimal(0),
        orders.last_at if orders else None,
    )


def age_band(profile: Profile, today: date) -> str:
    """Return the ten years that the person's age lies in, empty if nobody knows it."""
    texts = (profile.traits.get(key) for key in BIRTH_TRAITS)
    birth = next((parse_date(text) for text in texts if isinstance(text, str)), None)
    if birth is None or birth > today:
        return ""
    age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    start = age // AGE_BAND * AGE_BAND
    return f"{start}–{start + AGE_BAND - 1}"


def purpose_key(pk: str) -> str:
    """Return the key of the purpose that a form names, empty for none."""
    if not pk.isdecimal() or len(pk) > 17:
        return ""
    return Purpose.objects.filter(pk=int(pk)).values_list("key", flat=True).first() or ""


def past_curve(text: str, key: str, *, may_count_people: bool) -> SafeString:
    """Draw the sizes that a definition would have had, by what is known today.

    Empty where that cannot be computed. Takes a preview for each of the instants.
    """
    definition = read_definition(text)
    sensitivity = load_sensitivity()
    if definition is None:
        return SafeString("")
    if not may_count_people and sensitivity.of(definition) != Category.ORDINARY:
        return SafeString("")
    now = timezone.now()
    try:
        points = [
            Point(at, preview(definition, at=at, key=key).size)
            for back in range(PAST_DAYS, -1, -PAST_STEP)
            for at in [now - timedelta(days=back)]
        ]
    except (DefinitionError, MomentError):
        return SafeString("")
    return curve(points, title=first_and_last(points[0].value, points[-1].value))
