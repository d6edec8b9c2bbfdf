"""Mail that is written to files, where no mail server is configured."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.core.mail.backends.filebased import EmailBackend


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
