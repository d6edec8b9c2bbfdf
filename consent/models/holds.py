"""Legal holds: whose data must outlive an erasure, and the rows that did."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class LegalHold(models.Model):
    """One duty to keep some data of one person, until a privacy officer lifts it.

    `scope` maps the stores that it names to the kinds of rows in them, all where none is named. The
    person is whoever has one of the identifiers now, so that merges and unmerges carry the hold.
    """

    class Ground(models.TextChoices):
        """Why article 17(3) lets the data stay."""

        LEGAL_CLAIM = "legal_claim", _("a legal claim (article 17(3)(e))")
        LEGAL_OBLIGATION = "legal_obligation", _("a legal obligation (article 17(3)(b))")
        AUTHORITY = "authority", _("an order of an authority (article 17(3)(b))")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without foreign keys: an erasure deletes the identifiers, and the hold outlives them.
    identifier_ids = ArrayField(models.BigIntegerField(), default=list, editable=False)
    # The rows of the suppression list by which the person is known again once they are erased.
    suppression_ids = ArrayField(models.BigIntegerField(), default=list, editable=False)
    scope = models.JSONField(default=dict, help_text="Kinds of rows by store.")
    sources = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="Sources whose messages about the erased person are still kept.",
    )
    ground = models.CharField(max_length=24, choices=Ground)
    reason = models.TextField(blank=True)
    case_reference = models.CharField(max_length=120, blank=True)
    # When it is past, staff are reminded; nothing is released by itself.
    review_on = models.DateField(help_text="When somebody must look at the hold again.")
    # A name and not a key: API keys and staff may be deleted later.
    placed_by = models.CharField(max_length=120)
    placed_at = models.DateTimeField(db_default=Now())
    lifted_by = models.CharField(max_length=120, blank=True, db_default="")
    lifted_at = models.DateTimeField(null=True, editable=False)
    # When a worker had deleted what the lifted hold kept.
    settled_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-placed_at", "-id"]
        indexes = [
            models.Index(
                fields=["review_on"],
                condition=models.Q(lifted_at=None),
                name="legal_hold_standing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_ground_display()}, {self.placed_at:%Y-%m-%d}"


class HeldRow(models.Model):
    """One row of an erased person that a hold keeps, out of the store that it was in.

    Nothing but the pages and routes of holds reads it. `content` is the row as JSON text, so that
    its numbers stay exact.
    """

    hold = models.ForeignKey(LegalHold, on_delete=models.PROTECT, related_name="rows")
    store = models.CharField(max_length=63)
    kind = models.CharField(max_length=255)
    content = models.TextField()
    # The erasure that set it aside; None for a message that came later.
    request_id = models.UUIDField(null=True)
    held_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["hold", "store", "kind"], name="held_row_of_hold")]

    def __str__(self) -> str:
        return f"{self.store} of hold {self.hold_id}"
