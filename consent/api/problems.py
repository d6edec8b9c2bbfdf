"""The problem responses of this app, and the response that hands out an archive.

Invariant: no text repeats what the caller sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request

from consent import services
from consent.models import PrivacyRequest
from profiles.api.kit.access import actor_of
from profiles.api.kit.problems import problem
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.services import InvalidCorrection


@contextmanager
def problems_from_services(
    identifier_path: str = "identifier", *, purpose_path: str = "purpose"
) -> Iterator[None]:
    """Turn the exceptions of a service into problems.

    The paths are where the body has the identifier and the purpose, for faults of them.
    """
    try:
        yield
    except InvalidIdentifier as error:
        raise problem(identifier_path, "invalid_identifier", str(error)) from None
    except services.UnknownProfile:
        raise problem("profile", "unknown_profile", "No profile has this id.") from None
    except services.UnknownPurpose:
        raise problem(purpose_path, "unknown_purpose", "No purpose has this key.") from None
    except InvalidCorrection as error:
        path = f"changes.{error.key}"
        raise problem(path, "invalid_correction", str(error)) from None
    except services.SignalPermits as error:
        raise problem("state", "signal_permits", str(error)) from None
    except services.TermsAreFixed as error:
        raise problem("", "terms_are_fixed", str(error), 409) from None
    except services.KeyReused as error:
        raise problem("idempotency_key", "key_reused", str(error), 409) from None
    except services.BeforeReturn as error:
        raise problem("occurred_at", "before_return", str(error), 409) from None
    except services.Suppressed:
        raise problem(
            identifier_path, "suppressed", "The person was erased and may not come back so.", 409
        ) from None


def archive_response(privacy_request: PrivacyRequest, request: Request) -> HttpResponse:
    """Return the archive as a file, once.

    Raises a 404 problem before the archive is made and a 410 problem once it is gone.
    """
    # HEAD runs the view of GET, which would use the archive up.
    if request.method != "GET":
        raise MethodNotAllowed(str(request.method))
    if privacy_request.status != PrivacyRequest.Status.DONE:
        raise problem("", "not_made", "There is no archive yet.", 404)
    try:
        content = services.take_archive(
            privacy_request, actor=actor_of(request), now=database_now()
        )
    except services.ArchiveGone:
        raise problem(
            "", "gone", "The archive was fetched already, or its time is over.", 410
        ) from None
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="archive-{privacy_request.pk}.zip"',
            "Cache-Control": "no-store",
        },
    )
