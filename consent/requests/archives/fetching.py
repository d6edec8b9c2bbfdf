"""Handing out an archive: again and again for some days, until its receipt is confirmed.

Invariant: each fetch is counted and in the audit. What is confirmed, used up or too old is gone.
"""

from datetime import datetime

from django.db.models import QuerySet

from consent.models import AccessArchive, PrivacyRequest
from profiles.services import Actor, audited

MOST_FETCHES = 10


class ArchiveGone(LookupError):
    """There is no archive, or it was confirmed or fetched too often, or its time is over."""


def take_archive(
    request: PrivacyRequest, *, actor: Actor, now: datetime, is_rest: bool = False
) -> bytes:
    """Return the ZIP file of a request. Raises ArchiveGone.

    The rest of a download that broke off counts with its beginning, and is in the audit, too.
    """
    with audited(actor, "privacy_request.archive_fetched") as deed:
        most = MOST_FETCHES + 1 if is_rest else MOST_FETCHES
        archives = waiting_archives(now, most).filter(request=request)
        archive = archives.select_for_update().first()
        if archive is None:
            raise ArchiveGone("The archive was confirmed, fetched too often, or its time is over.")
        deed.about("privacy_request", request.pk)
        archive.fetches, archive.fetched_at = archive.fetches + (not is_rest), now
        archive.save(update_fields=["fetches", "fetched_at"])
        return bytes(archive.content)


def confirm_archive(request: PrivacyRequest, *, actor: Actor, now: datetime) -> None:
    """Delete an archive that somebody has safely received. Confirming again changes nothing.

    Raises ArchiveGone where nobody has fetched it.
    """
    with audited(actor, "privacy_request.archive_confirmed") as deed:
        archives = AccessArchive.objects.filter(request=request, fetches__gt=0)
        if archives.filter(confirmed_at=None).update(content=b"", confirmed_at=now):
            deed.about("privacy_request", request.pk)
        elif not archives.exists():
            raise ArchiveGone("There is no archive that was fetched.")


def waiting_archives(now: datetime, most: int = MOST_FETCHES) -> QuerySet[AccessArchive]:
    """Return the archives that can be fetched: those that were fetched fewer times than `most`."""
    return AccessArchive.objects.filter(confirmed_at=None, fetches__lt=most, expires_at__gt=now)
