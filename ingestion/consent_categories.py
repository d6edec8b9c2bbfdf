"""What consent categories in the messages of a source mean."""

from ingestion.models import ConsentCategory
from profiles.services import Actor, delete_audited, save_audited


def save_consent_category(category: ConsentCategory, *, actor: Actor) -> None:
    """Save which purpose a category means, from the next chunk on. Raises ValidationError."""
    save_audited(category, actor=actor, noun="consent_category", key=category.audit_key)


def delete_consent_category(category: ConsentCategory, *, actor: Actor) -> None:
    """Let the category mean the purpose of the same key again, if there is one."""
    delete_audited(category, actor=actor, noun="consent_category", key=category.audit_key)
