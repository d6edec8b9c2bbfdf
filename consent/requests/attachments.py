"""Files of a request, such as the letter that it came by.

Invariant: a file is of one of a few kinds, by its first bytes and not by its name. It is handed out
as a download only, and goes with the person.
"""

from datetime import datetime

from django.utils.translation import gettext

from consent.models import PrivacyRequest, RequestAttachment
from profiles.services import Actor, audited

MAX_BYTES = 10 * 1024**2
_MAX_NAME = 120
_KINDS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}


class UnfitFile(ValueError):
    """The file is too large, empty, or of a kind that is not kept."""


def attach(
    request: PrivacyRequest, name: str, content: bytes, *, actor: Actor, now: datetime
) -> RequestAttachment:
    """Keep a file with a request. Raises UnfitFile."""
    kind = _kind_of(content)
    with audited(actor, "privacy_request.file_added") as deed:
        attachment = RequestAttachment.objects.create(
            request=request,
            name=name[-_MAX_NAME:],
            content_type=kind,
            content=content,
            size=len(content),
            added_by=str(actor),
            added_at=now,
        )
        deed.about("privacy_request", request.pk, file=[None, attachment.pk], type=[None, kind])
    return attachment


def detach(attachment: RequestAttachment, *, actor: Actor) -> None:
    """Delete a file."""
    with audited(actor, "privacy_request.file_deleted") as deed:
        deed.about("privacy_request", attachment.request_id, file=[attachment.pk, None])
        attachment.delete()


def _kind_of(content: bytes) -> str:
    if not 0 < len(content) <= MAX_BYTES:
        raise UnfitFile(gettext("A file has 1 byte to 10 MB."))
    for beginning, kind in _KINDS.items():
        if content.startswith(beginning):
            return kind
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnfitFile(gettext("Only PDF, PNG, JPEG and plain text are kept."))
    return "text/plain"
