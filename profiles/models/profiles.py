"""Profiles, the queue of changed profiles, and the messages seen so far."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now


class Profile(models.Model):
    """One customer, as far as all sources together know.

    `traits` are derived from source records and never the only copy. `uuid` is the public id.
    """

    # Not unique here: the UUID is also an identifier of namespace `profile`, where it is unique and
    # keeps resolving after a merge.
    uuid = models.UUIDField(db_index=True, editable=False)
    traits = models.JSONField(default=dict)
    is_restricted = models.BooleanField(
        default=False, help_text="Article 18: stored, but in no segment and no outlet."
    )
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [GinIndex(name="profile_traits", fields=["traits"], opclasses=["jsonb_path_ops"])]
        permissions = [
            ("view_contact_data", "Can view names, addresses and numbers of people"),
            ("view_restricted_profile", "Can view profiles whose processing is restricted"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class ProfileChange(models.Model):
    """One change of a profile, whose segments must be evaluated again.

    `reference` is what a change of some kinds is about: the number of the purpose of a consent, the
    public UUID of the other side of a merge. One that `awaits_traits` is evaluated after the
    profile's computed traits. Invariant: rows are only inserted, released and claimed.
    """

    class Kind(models.TextChoices):
        PLAIN = "plain"
        CONSENT = "consent"
        MERGE = "merge"
        UNMERGE = "unmerge"
        # Of messages that came live: the reference is when, in epoch microseconds.
        LIVE = "live"
        # Put on a list by name: the reference is the key of the list.
        LIST = "list"
        # Data of theirs outlived their time.
        RETENTION = "retention"

    # Not unique: with a unique key and ON CONFLICT, a change that arrives while an older one is
    # being evaluated would be lost.
    profile_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind, db_default="plain")
    reference = models.CharField(max_length=63, db_default="")
    awaits_traits = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["profile_id"], name="profile_change_profile")]

    def __str__(self) -> str:
        return f"change of profile {self.profile_id}"


class SeenMessage(models.Model):
    """One message that was received: the keyed hash of its source and messageId, and its day.

    `taken_by` is the id of the inbox row that the message came in, by which a repeated attempt
    finds its own messages. It is null once the message took effect ahead of its request.
    """

    digest = models.UUIDField(primary_key=True)
    day = models.DateField()
    taken_by = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.digest)
