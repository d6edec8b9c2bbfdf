"""Sources of facts, traits and events."""

from django.core.validators import RegexValidator
from django.db import models

KEY_VALIDATOR = RegexValidator(
    r"^[a-z][a-z0-9_-]{0,62}$",
    "A key starts with a lower-case letter and has lower-case letters, digits, _ and - only.",
)


class Source(models.Model):
    """One system that sends facts, traits and events, such as a shop, a CRM or a website."""

    key = models.CharField(max_length=63, unique=True, validators=[KEY_VALIDATOR])
    name = models.CharField(max_length=120)
    priority = models.PositiveSmallIntegerField(
        default=100,
        help_text="Where a trait follows the order of its sources, the smaller number wins.",
    )
    joins_people = models.BooleanField(
        default=False,
        help_text="Let claims made with a public key join people who are vouched. Anyone who "
        "knows an e-mail address could then tie himself to its owner's profile.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name or self.key
