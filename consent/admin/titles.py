"""What data are called in the admin: the titles of their declarations, in the language of staff.

Invariant: titles that no other page shows are marked for translation here.
"""

from django.utils.translation import pgettext, pgettext_lazy

from profiles.registry import PersonalData

TITLES = (
    pgettext_lazy("title of data", "Answers kept for retries"),
    pgettext_lazy("title of data", "Archives made for the person"),
    pgettext_lazy("title of data", "Callbacks to other companies"),
    pgettext_lazy("title of data", "Computed traits"),
    pgettext_lazy("title of data", "Event statistics"),
    pgettext_lazy("title of data", "Messages on their way"),
    pgettext_lazy("title of data", "Profile"),
    pgettext_lazy("title of data", "Consents of the erased, from the erasure on"),
    pgettext_lazy("title of data", "Evidence of consents"),
    pgettext_lazy("title of data", "Uploaded files"),
    pgettext_lazy("title of data", "Who changed what"),
)


def lifetime_title_of(declaration: PersonalData) -> str:
    """Return what the rows of a declaration are called that go by themselves."""
    return pgettext("title of data", declaration.lifetime_title)


def title_of(declaration: PersonalData) -> str:
    """Return what the rows of a declaration are called."""
    return pgettext("title of data", declaration.title)
