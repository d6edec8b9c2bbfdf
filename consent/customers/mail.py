"""Mail to customers, and the mail files that are written where no mail server is configured."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage as ParsedMail
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend
from django.template.loader import render_to_string
from django.utils import translation

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


# How `format_datetime` writes the header that says when a mail has had its time.
_EXPIRES = "%a, %d %b %Y %H:%M:%S GMT"
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
    return _delete_where(lambda mail: not addresses.isdisjoint(_recipients(mail)))


def delete_expired_mail_files(now: datetime) -> int:
    """Delete every mail file whose link has ended; return their number.

    Some were written to people of whom nothing else may be kept.
    """
    return _delete_where(lambda mail: (end := _end_of(mail)) is not None and end <= now)


def _delete_where(is_doomed: Callable[[ParsedMail], bool]) -> int:
    if settings.EMAIL_BACKEND != FILE_BACKEND:
        return 0
    directory = Path(settings.EMAIL_FILE_PATH)  # type: ignore[misc]  # set with this backend only
    return sum(_delete_if(is_doomed, path) for path in directory.glob("*.log"))


def _delete_if(is_doomed: Callable[[ParsedMail], bool], path: Path) -> bool:
    try:
        mail = BytesParser(policy=policy.default).parsebytes(path.read_bytes(), headersonly=True)
    except FileNotFoundError:
        # Another worker deleted it.
        return False
    if not is_doomed(mail):
        return False
    path.unlink(missing_ok=True)
    return True


def _recipients(mail: ParsedMail) -> set[str]:
    """Return to whom a mail was written, each address as it is stored."""
    headers = [header for name in ("To", "Cc", "Bcc") for header in mail.get_all(name, [])]
    recipients = set()
    for address in (address for header in headers for address in header.addresses):
        spelled = str(make_header(decode_header(address.addr_spec)))
        with suppress(InvalidIdentifier):
            recipients.add(normalise("email", spelled))
    return recipients


def _end_of(mail: ParsedMail) -> datetime | None:
    header = mail["Expires"]
    return None if header is None else datetime.strptime(header, _EXPIRES).replace(tzinfo=UTC)


def send(template: str, address: str, *, expires_at: datetime, **context: Any) -> None:
    """Mail what the template and its `_subject` say; the link in it works until `expires_at`."""
    context["url"] = settings.PUBLIC_URL.rstrip("/")
    EmailMessage(
        subject=render_to_string(f"consent/mail/{template}_subject.txt", context).strip(),
        body=render_to_string(f"consent/mail/{template}.txt", context),
        to=[address],
        headers={"Expires": format_datetime(expires_at.astimezone(UTC), usegmt=True)},
    ).send()


def mail_text(address: str, subject: str, text: str, *, expires_at: datetime) -> None:
    """Mail a text that is written out."""
    headers = {"Expires": format_datetime(expires_at.astimezone(UTC), usegmt=True)}
    EmailMessage(subject=subject, body=text, to=[address], headers=headers).send()


def mail_link(address: str, token: str, *, expires_at: datetime) -> None:
    """Mail a customer the link with this token."""
    minutes = settings.PRIVACY_LINK_MINUTES
    send("link", address, expires_at=expires_at, token=token, minutes=minutes)


def mail_language(wanted: str) -> str:
    """Return the language that a mail is in where somebody wants this one."""
    try:
        return translation.get_supported_language_variant(wanted)
    except LookupError:
        return settings.LANGUAGE_CODE
