"""What staff decide about who is in a segment, beside its definition."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models import Identifier, Profile


class ExclusiveGroup(models.Model):
    """Segments of which a person is in one at most: in the first one that would have them.

    Their order is in `place_in_group` of each.
    """

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Override(models.Model):
    """A person is in a segment, or out of it, whatever its definition says, for some time.

    It holds from `starts_at` up to, and not at, `ends_at`. There is one of each identifier and
    segment: the newest. The row hangs on the public UUID, so that an unmerge gives it back.
    """

    class Kind(models.TextChoices):
        INCLUDE = "include", _("always in")
        EXCLUDE = "exclude", _("never in")

    pk = models.CompositePrimaryKey("profile_id", "segment_id", "identifier_id")
    profile = models.ForeignKey(Profile, on_delete=models.DO_NOTHING, related_name="overrides")
    # The segment and the identifier lie on other machines than the person.
    segment = models.ForeignKey(
        "segments.Segment",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="overrides",
    )
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="overrides"
    )
    kind = models.CharField(max_length=7, choices=Kind)
    reason = models.CharField(max_length=500)
    # A name and not a key: whoever decided may be deleted later.
    actor = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["segment", "starts_at"], name="override_start"),
            models.Index(fields=["segment", "ends_at"], name="override_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} profile {self.profile_id} in segment {self.segment_id}"
