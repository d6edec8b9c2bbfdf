"""Suppressed identifiers, and the check of the keys that hash them."""

from django.db import models
from django.db.models.functions import Now


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
    request_id = models.UUIDField(null=True)
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


class SuppressionKeyCheck(models.Model):
    """A known text hashed with a key that suppressions were made with.

    It shows at start-up whether that key is still configured.
    """

    key_id = models.CharField(max_length=16, primary_key=True)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.key_id
