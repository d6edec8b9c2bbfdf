"""Going back to an earlier definition, and starting from another segment's.

Invariant: nothing is taken back. A definition that comes back is a new version.
"""

from profiles.services import Actor, audited
from segments.definitions.save import SegmentError, create_segment, update_segment
from segments.models import Segment, SegmentVersion


def roll_back(segment: Segment, number: int, *, actor: Actor) -> Segment:
    """Give a segment the definition of an earlier version, as its next one.

    Raises DefinitionError where that definition may not be saved any more, and SegmentError.
    """
    version = SegmentVersion.objects.filter(segment=segment, number=number).first()
    if version is None:
        raise SegmentError("version", f"There is no version {number}.")
    with audited(actor, "segment.rolled_back") as deed:
        former = segment.version
        segment = update_segment(segment, actor=actor, changes={"definition": version.definition})
        deed.about(
            "segment", segment.key, version=[former, segment.version], definition_of=[None, number]
        )
    return segment


def clone_segment(segment: Segment, *, key: str, name: str, actor: Actor) -> Segment:
    """Make a draft with the definition, purpose and labels of a segment.

    Raises DefinitionError and SegmentError.
    """
    return create_segment(
        key=key,
        name=name,
        definition=segment.definition,
        purpose=segment.purpose,
        description=segment.description,
        folder=segment.folder,
        tags=list(segment.tags),
        owner=segment.owner,
        actor=actor,
    )
