"""Mail that is written to files, where no mail server is configured, goes with the person that it was written to."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

FILE_BACKEND = "consent.mail.FileBackend"


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
