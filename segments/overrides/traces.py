"""Taking erased people out of the reasons of decisions about others."""

from profiles.registry import Cleaner
from segments.models import Override

ERASED = "[erased]"


def sweep_reasons(clean: Cleaner) -> int:
    """Clean the reasons that name an erased person; return how many changed."""
    rows = Override.objects.values_list("profile_id", "segment_id", "identifier_id", "reason")
    suspects = [row for row in rows.iterator() if clean.may_change(row[3])]
    changed = 0
    for row, cleaned in zip(suspects, clean([[row[3]] for row in suspects]), strict=True):
        if cleaned == [row[3]]:
            continue
        profile_id, segment_id, identifier_id, reason = row
        # Only the reason that was read: a decision may have taken its place.
        same = Override.objects.filter(
            profile_id=profile_id, segment_id=segment_id, identifier_id=identifier_id
        )
        changed += same.filter(reason=reason).update(reason=cleaned[0] if cleaned else ERASED)
    return changed
