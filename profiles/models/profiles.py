"""The person, and the two queues that hang on people: what must be evaluated again, and what was seen already."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now


class Profile(models.Model):
    """One customer as far as all sources together know; `traits` is derived and never the only copy.

    `uuid` is the public name. It is held as an identifier of namespace `profile` too, which keeps resolving after a
    merge, and there it is unique.
    """

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
    """One wake-up: this profile must be evaluated again. Append-only, and never unique per profile,
    since a unique key with ON CONFLICT loses the wake-up that comes while an older one is being served."""

    profile_id = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["profile_id"], name="profile_change_profile")]

    def __str__(self) -> str:
        return f"change of profile {self.profile_id}"


class SeenMessage(models.Model):
    """One message that was taken: the keyed hash of its source and messageId, the day it came, and the request it is of.

    A request that is tried again finds its own messages by `taken_by`, the number of its inbox row. It is null where a
    message took effect before the others of its request.
    """

    digest = models.UUIDField(primary_key=True)
    day = models.DateField()
    taken_by = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.digest)
