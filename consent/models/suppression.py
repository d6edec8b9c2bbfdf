"""Suppressed identifiers, and the check of the keys that hash them."""

from django.db import models
from django.db.models.functions import Now

from profiles.models import DecisionVerdict, Identifier


class Suppression(models.Model):
    """The keyed hash of one identifier of an erased person.

    The key is not in the database, so the hashes alone cannot be tested against guesses.
    """

    digest = models.BinaryField(max_length=32)
    key_id = models.CharField(max_length=16)
    # Which rules spelled the identifier. A later version may spell it differently.
    normaliser_version = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(db_default=Now())
    # No foreign key: a suppression stays, whatever happens to its request.
    request_id = models.UUIDField(null=True, db_index=True)
    # What the person had refused or objected to, so that it stands if they come back: pairs of kind
    # and purpose id, where None is direct marketing as a whole.
    refusals = models.JSONField(default=list)
    # Kept when the person came back, to be closed again by another erasure.
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest", "key_id", "normaliser_version"], name="suppression_unique"
            )
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"


class SuppressedVerdict(models.Model):
    """A verdict that keeps two identifiers apart, of which at least one was erased.

    Each side is an identifier that is stored, or the suppression of one that was erased. Once both
    are stored the verdict is a decision again, under the uuid and the number that it had.
    """

    uuid = models.UUIDField(unique=True)
    # The primary key of the decision, by which a newer verdict is told from an older one.
    number = models.BigIntegerField(unique=True)
    verdict = models.CharField(max_length=16, choices=DecisionVerdict)
    one = models.ForeignKey(
        Identifier, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    one_suppression = models.ForeignKey(
        Suppression, null=True, on_delete=models.CASCADE, related_name="+"
    )
    other = models.ForeignKey(
        Identifier, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    other_suppression = models.ForeignKey(
        Suppression, null=True, on_delete=models.CASCADE, related_name="+"
    )
    is_of_staff = models.BooleanField()
    actor = models.CharField(max_length=120)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(one=None) ^ models.Q(one_suppression=None),
                name="suppressed_verdict_one",
            ),
            models.CheckConstraint(
                condition=models.Q(other=None) ^ models.Q(other_suppression=None),
                name="suppressed_verdict_other",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.uuid}"


class SuppressionKeyCheck(models.Model):
    """A known text hashed with a key that suppressions were made with.

    It shows at start-up whether that key is still configured.
    """

    key_id = models.CharField(max_length=16, primary_key=True)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.key_id
