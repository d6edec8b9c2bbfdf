"""Mail that is written to files, where no mail server is configured."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.core.mail.backends.filebased import EmailBackend
from django.template.loader import render_to_string


class FileBackend(EmailBackend):
    """Each mail in a file of its own, so that it goes with the person that it was written to.

    Django's own names files by the second and a number that is used again: two mails may share one.
    """

    def _get_filename(self) -> str:
        if self._fname is None:
            self._fname = str(
                Path(self.file_path, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4()}.log")
            )
        name: str = self._fname
        return name


FILE_BACKEND = "consent.customers.mail.FileBackend"


def erase_mail_files(references: Iterable[str]) -> int:
    """Delete every mail file that names one of the `email:address` references; return how many."""
    addresses = [
        address.encode().lower()
        for namespace, _, address in (reference.partition(":") for reference in references)
        if namespace == "email"
    ]
    if settings.EMAIL_BACKEND != FILE_BACKEND or not addresses:
        return 0
    return sum(_erase(path, addresses) for path in Path(settings.EMAIL_FILE_PATH).glob("*.log"))


def _erase(path: Path, addresses: list[bytes]) -> bool:
    content = path.read_bytes().lower()
    if not any(address in content for address in addresses):
        return False
    path.unlink(missing_ok=True)
    return True


def mail_link(address: str, token: str) -> None:
    words = {
        "url": settings.PUBLIC_URL.rstrip("/"),
        "token": token,
        "minutes": settings.PRIVACY_LINK_MINUTES,
    }
    send_mail(
        subject=render_to_string("consent/mail/link_subject.txt", words).strip(),
        message=render_to_string("consent/mail/link.txt", words),
        from_email=None,
        recipient_list=[address],
    )
