"""How the admin writes links, numbers and days, each in the language of who reads."""

from datetime import date
from decimal import Decimal

from django.urls import reverse
from django.utils.dateformat import format as formatted
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from profiles.models import TrustLevel


def profile_link(profile_id: int | None, text: str) -> str:
    """Return a link to the page of a profile, or the plain text if there is no profile."""
    if profile_id is None:
        return text
    url = reverse("admin:profiles_profile_change", args=[profile_id])
    return format_html('<a class="t-link" href="{}">{}</a>', url, text)


def trust_text(name: str) -> str:
    """Return how far a statement is believed in words, by the name that the API has for it."""
    return str(TrustLevel[name.upper()].label)


def number(value: Decimal | float, *, places: int = 0) -> str:
    """Return a number with the signs that the language parts thousands and decimals by."""
    return str(number_format(value, decimal_pos=places, force_grouping=True))


def percent(share: float, *, places: int = 0) -> str:
    """Return a share of 1 as a percentage."""
    return _("%(number)s%%") % {"number": number(round(100 * share, places), places=places)}


def day_text(day: date) -> str:
    """Return a day such as 5 Mar 2026."""
    return str(formatted(day, "j M Y"))


def short_day(day: date) -> str:
    """Return a day such as 5 Mar, for pictures of a few weeks."""
    return str(formatted(day, "j M"))


def moment_text(moment: date) -> str:
    """Return an instant, which is in the zone of the store, such as 5 Mar 2026 14:03."""
    return str(formatted(moment, "j M Y H:i"))
