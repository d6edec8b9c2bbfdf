"""Links between the admin's pages."""

from django.urls import reverse
from django.utils.html import format_html


def profile_link(profile_id: int | None, text: str) -> str:
    """Return a link to the page of a profile, or the plain text if there is no profile."""
    if profile_id is None:
        return text
    url = reverse("admin:profiles_profile_change", args=[profile_id])
    return format_html('<a class="t-link" href="{}">{}</a>', url, text)
