"""How refusals of the services look to callers. Invariant: no text repeats what the caller sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request

from consent import services
from consent.models import PrivacyRequest
from profiles.api.kit.access import Problem
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now


@contextmanager
def refusals(identifier_path: str = "identifier") -> Iterator[None]:
    """Turn what a service refuses into a problem that names the path of the fault."""
    try:
        yield
    except InvalidIdentifier as error:
        raise problem(identifier_path, "invalid_identifier", str(error)) from None
    except services.UnknownProfile:
        raise problem("profile", "unknown_profile", "No profile has this id.") from None
    except services.UnknownPurpose:
        raise problem("purpose", "unknown_purpose", "No purpose has this key.") from None
    except services.Suppressed:
        raise problem(
            identifier_path, "suppressed", "The person was erased and may not come back so.", 409
        ) from None


def problem(path: str, code: str, detail: str, status: int = 400) -> Problem:
    return Problem([{"path": path, "code": code, "detail": detail}], status=status)


def archive_response(request: PrivacyRequest, asked: Request) -> HttpResponse:
    """The archive as a file, by GET only: a HEAD would use it up. 404 before it is made, 410 once it is gone."""
    if asked.method != "GET":
        raise MethodNotAllowed(str(asked.method))
    if request.status != PrivacyRequest.Status.DONE:
        raise problem("", "not_made", "There is no archive yet.", 404)
    try:
        content = services.take_archive(request, now=database_now())
    except services.ArchiveGone:
        raise problem(
            "", "gone", "The archive was fetched already, or its time is over.", 410
        ) from None
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="archive-{request.pk}.zip"',
            "Cache-Control": "no-store",
        },
    )
