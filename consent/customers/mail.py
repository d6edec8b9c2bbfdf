"""Mail to customers, and the mail files that are written where no mail server is configured."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.core.mail.backends.filebased import EmailBackend
from django.template.loader import render_to_string


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
    """Delete every mail file that contains one of the `email:address` references.

    References of other namespaces are ignored. Returns the number of files.
    """
    addresses = [
        address.encode().lower()
        for namespace, _, address in (reference.partition(":") for reference in references)
        if namespace == "email"
    ]
    if settings.EMAIL_BACKEND != FILE_BACKEND or not addresses:
        return 0
    directory = Path(settings.EMAIL_FILE_PATH)  # type: ignore[misc]  # set with this backend only
    return sum(_erase_if_addressed(path, addresses) for path in directory.glob("*.log"))


def _erase_if_addressed(path: Path, addresses: list[bytes]) -> bool:
    content = path.read_bytes().lower()
    if not any(address in content for address in addresses):
        return False
    # Another erasure may have deleted it in the meantime.
    path.unlink(missing_ok=True)
    return True


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
