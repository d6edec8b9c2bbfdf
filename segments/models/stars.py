"""The stars that staff give to segments, to find them again."""

from django.conf import settings
from django.db import models

from segments.models.segments import Segment


class SegmentStar(models.Model):
    """A member of staff keeps a segment at hand."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="segment_stars"
    )
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="stars")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "segment"], name="segment_star_unique")
        ]

    def __str__(self) -> str:
        return f"{self.segment_id} of {self.user_id}"
