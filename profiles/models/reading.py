"""Who of the staff looked at whom."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier


class StaffRead(models.Model):
    """A member of staff opened a page with data of a person, or of so many people.

    The person is named by the identifier that has their public UUID; a list of people names nobody.
    """

    class Page(models.TextChoices):
        PROFILE = "profile", _("page of the person")
        CASE = "case", _("case")
        PROPOSAL = "proposal", _("proposal")
        REQUEST = "request", _("privacy request")
        LIST = "list", _("list of people")

    class Depth(models.TextChoices):
        MASKED = "masked", _("without contact data")
        OPEN = "open", _("with contact data")

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=120)
    # No constraint: on a cluster, identifiers are spread.
    person = models.ForeignKey(
        Identifier, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    page = models.CharField(max_length=16, choices=Page)
    depth = models.CharField(max_length=8, choices=Depth)
    people = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["person", "-at"], name="staff_read_person"),
            models.Index(fields=["actor", "-at"], name="staff_read_actor"),
            models.Index(fields=["at"], name="staff_read_at"),
        ]

    def __str__(self) -> str:
        return f"read {self.pk}"
