"""Who of the staff looked at whom."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier


class StaffRead(models.Model):
    """A member of staff opened a page with data of a person, or of so many people; or a service
    read them by the API.

    People are named by the identifiers that have their public UUIDs: whose page it was as `person`,
    whom one answer of the API showed as `persons`. A list in the admin names nobody.
    """

    class Page(models.TextChoices):
        PROFILE = "profile", _("page of the person")
        CASE = "case", _("case")
        PROPOSAL = "proposal", _("proposal")
        REQUEST = "request", _("privacy request")
        LIST = "list", _("list of people")
        API = "api", _("API")

    class Depth(models.TextChoices):
        MASKED = "masked", _("without contact data")
        OPEN = "open", _("with contact data")

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=120)
    # No constraint: on a cluster, identifiers are spread.
    person = models.ForeignKey(
        Identifier, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    persons = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    page = models.CharField(max_length=16, choices=Page)
    depth = models.CharField(max_length=8, choices=Depth)
    people = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["person", "-at"], name="staff_read_person"),
            models.Index(fields=["actor", "-at"], name="staff_read_actor"),
            models.Index(fields=["at"], name="staff_read_at"),
            GinIndex(fields=["persons"], name="staff_read_persons"),
        ]

    def __str__(self) -> str:
        return f"read {self.pk}"
