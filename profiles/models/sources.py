"""Sources of facts, traits and events."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

KEY_VALIDATOR = RegexValidator(
    r"^[a-z][a-z0-9_-]{0,62}$",
    "A key starts with a lower-case letter and has lower-case letters, digits, _ and - only.",
)

# As browsers send it: no path, and in lower case. A leading *. stands for one or more labels.
ORIGIN_VALIDATOR = RegexValidator(
    r"^[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9_.-]+)(:\d{1,5})?$",
    "An origin is like https://shop.example.org or https://*.example.org, in lower case and "
    "without a path.",
)


class Party(models.TextChoices):
    """Whose data they are, in the words of the field."""

    FIRST = "first", _("first party: what people did with us")
    ZERO = "zero", _("zero party: what people told us of themselves")
    THIRD = "third", _("third party: bought, or passed on by others")


class Source(models.Model):
    """One system that sends facts, traits and events, such as a shop, a CRM or a website."""

    key = models.CharField(max_length=63, unique=True, validators=[KEY_VALIDATOR])
    name = models.CharField(max_length=120)
    priority = models.PositiveSmallIntegerField(
        default=100,
        help_text="Where a trait follows the order of its sources, the smaller number wins.",
    )
    party = models.CharField(
        max_length=8,
        choices=Party,
        default=Party.FIRST,
        help_text="Whose data it sends, for segments: a survey is zero party, a bought list third "
        "party. A trait can say another of its own.",
    )
    joins_people = models.BooleanField(
        default=False,
        help_text="Let claims made with a public key join people who are vouched. Anyone who "
        "knows an e-mail address could then tie himself to its owner's profile.",
    )
    allowed_origins = ArrayField(
        models.CharField(max_length=255, validators=[ORIGIN_VALIDATOR]),
        default=list,
        blank=True,
        help_text="Websites whose pages may send, such as https://shop.example.org, separated by "
        "commas. Without any, pages of every website may use the public keys, and no page the "
        "secret ones.",
    )
    keeps_address = models.BooleanField(
        default=False,
        help_text="Keep the network address that browsers and apps send from with their events. "
        "It is personal data.",
    )
    session_minutes = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(1440)],
        help_text="After so many minutes without an event of the source a session ends; 0: its "
        "events make no sessions. Empty: 30 for a source with a public key, 0 for others.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name or self.key
