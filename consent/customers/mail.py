"""Mail to customers, and the mail files that are written where no mail server is configured."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.core.mail.backends.filebased import EmailBackend
from django.template.loader import render_to_string

from profiles.identifiers.normalisers import InvalidIdentifier, normalise


class FileBackend(EmailBackend):
    """Writes each mail to a file of its own, so that erasing a person deletes no other mail.

    Django's backend names files by the second and the backend's `id()`, which is reused, so two
    mails can share a file.
    """

    _fname: str | None

    def _get_filename(self) -> str:
        if self._fname is None:
            self._fname = str(
                Path(self.file_path, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4()}.log")
            )
        return self._fname


# The name under which the settings choose the class above.
FILE_BACKEND = "consent.customers.mail.FileBackend"


def erase_mail_files(references: Iterable[str]) -> int:
    """Delete every mail file that was written to one of the `email:address` references.

    References of other namespaces are ignored. Returns the number of files.
    """
    addresses = {
        address
        for namespace, _, address in (reference.partition(":") for reference in references)
        if namespace == "email"
    }
    if settings.EMAIL_BACKEND != FILE_BACKEND or not addresses:
        return 0
    directory = Path(settings.EMAIL_FILE_PATH)  # type: ignore[misc]  # set with this backend only
    return sum(_erase_if_addressed(path, addresses) for path in directory.glob("*.log"))


def _erase_if_addressed(path: Path, addresses: set[str]) -> bool:
    if addresses.isdisjoint(_recipients(path)):
        return False
    # Another erasure may have deleted it in the meantime.
    path.unlink(missing_ok=True)
    return True


def _recipients(path: Path) -> set[str]:
    """Return to whom a mail file was written, each address as it is stored."""
    try:
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes(), headersonly=True)
    except FileNotFoundError:
        # Another erasure deleted it.
        return set()
    headers = [header for name in ("To", "Cc", "Bcc") for header in message.get_all(name, [])]
    recipients = set()
    for address in (address for header in headers for address in header.addresses):
        spelled = str(make_header(decode_header(address.addr_spec)))
        with suppress(InvalidIdentifier):
            recipients.add(normalise("email", spelled))
    return recipients


def mail_link(address: str, token: str) -> None:
    """Mail a customer the link with this token."""
    context = {
        "url": settings.PUBLIC_URL.rstrip("/"),
        "token": token,
        "minutes": settings.PRIVACY_LINK_MINUTES,
    }
    send_mail(
        subject=render_to_string("consent/mail/link_subject.txt", context).strip(),
        message=render_to_string("consent/mail/link.txt", context),
        from_email=None,
        recipient_list=[address],
    )
