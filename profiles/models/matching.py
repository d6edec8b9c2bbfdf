"""Proposals that two profiles may be one person, and the model that makes them."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from profiles.models.identity import Identifier


class MatchModel(models.Model):
    """What was learnt of how values of one person differ: a version, of which the newest counts.

    It holds weights and no values of people. Where there were too few data to learn from,
    `refusal` says why, and `parameters` are empty.
    """

    class Refusal(models.TextChoices):
        TOO_FEW_PEOPLE = (
            "too_few_people",
            _("too few people with a name, a birth date or an address"),
        )
        TOO_FEW_FIELDS = "too_few_fields", _("too few kinds of values to compare")
        TOO_FEW_PAIRS = "too_few_pairs", _("too few pairs that are alike to learn from")

    parameters = models.JSONField(default=dict, help_text="A model of Splink 5.")
    shape = models.PositiveSmallIntegerField(help_text="The version of the comparisons.")
    fields = models.JSONField(default=list)
    people = models.PositiveIntegerField(help_text="How many people it was learnt from.")
    pairs = models.PositiveIntegerField(help_text="How many pairs were alike beyond doubt.")
    refusal = models.CharField(max_length=16, choices=Refusal, blank=True)
    trained_at = models.DateTimeField(db_default=Now())
    scored_until = models.DateTimeField(
        null=True, help_text="The newest change of a source record that was compared."
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"model {self.pk}"


class MatchProposal(models.Model):
    """Two profiles that may be one person, by how alike their values are.

    Invariant: a pair has one row at most. Profiles are named by the identifiers that have their
    public UUIDs, which merges and their undoing leave alone.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("one person")
        DECLINED = "declined", _("declined")
        RELATED = "related", _("related, not the same person")

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    one = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    other = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    probability = models.FloatField(help_text="That they are one person, from 0 to 1.")
    prior = models.FloatField(help_text="The weight of two people drawn at random, in bits.")
    weights = models.JSONField(help_text="By field: how far it speaks for one person, in bits.")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    scored_at = models.DateTimeField(db_default=Now())
    postponed_at = models.DateTimeField(null=True, help_text="When somebody put it off.")
    answered_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=120, default="")

    class Meta:
        ordering = ["-probability", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="match_proposal_pair"),
        ]
        indexes = [
            models.Index(fields=["state", "-probability", "-id"], name="match_proposal_queue"),
        ]

    def __str__(self) -> str:
        return f"proposal {self.uuid}"
