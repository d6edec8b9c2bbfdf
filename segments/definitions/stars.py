"""Stars: which segments a member of staff keeps at hand."""

from django.contrib.auth.models import User

from profiles.services import Actor
from segments.models import Segment, SegmentStar


def star_segment(segment: Segment, *, is_starred: bool, actor: Actor) -> None:
    """Give a segment the actor's star, or take it away. Nothing happens where it is so already."""
    user = User.objects.get(pk=actor.id)
    if is_starred:
        SegmentStar.objects.get_or_create(user=user, segment=segment)
    else:
        SegmentStar.objects.filter(user=user, segment=segment).delete()
