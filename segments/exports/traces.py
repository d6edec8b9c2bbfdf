"""Taking erased people out of what staff wrote about exports."""

from profiles.lib import exact_json
from profiles.registry import Cleaner
from segments.models import MemberExport

ERASED = "[erased]"


def sweep_exports(clean: Cleaner) -> int:
    """Clean the reasons and definitions that name an erased person; return how many changed."""
    rows = MemberExport.objects.values_list("pk", "reason", "definition")
    suspects = [
        row
        for row in rows.iterator()
        if clean.may_change(row[1]) or clean.may_change(exact_json.dumps(row[2]))
    ]
    reasons = clean([[reason] for _pk, reason, _definition in suspects])
    definitions = clean([definition for _pk, _reason, definition in suspects])
    changed = 0
    for row, words, definition in zip(suspects, reasons, definitions, strict=True):
        cleaned = (words[0] if words else ERASED, definition)
        if cleaned != row[1:]:
            changed += MemberExport.objects.filter(pk=row[0]).update(
                reason=cleaned[0], definition=definition
            )
    return changed
