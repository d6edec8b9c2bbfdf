"""The problem responses of this app, and the response that hands out an archive.

Invariant: no text repeats what the caller sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from consent import services
from consent.api.serializers import RequestSerializer
from consent.lib.downloads import continues_download, download
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


def archive_response(
    privacy_request: PrivacyRequest, request: Request, *, is_confirmed: bool = False
) -> HttpResponse:
    """Return the archive as a file, or the piece of it that is requested.

    With `is_confirmed` it is gone after this. Raises a 404 problem before the archive is made and
    a 410 problem once it is gone.
    """
    # HEAD runs the view of GET, which would count as a fetch.
    if request.method != "GET":
        raise MethodNotAllowed(str(request.method))
    with _problems_of_archives(privacy_request):
        content = services.take_archive(
            privacy_request,
            actor=actor_of(request),
            now=database_now(),
            is_rest=continues_download(request),
        )
        if is_confirmed:
            services.confirm_archive(privacy_request, actor=actor_of(request), now=database_now())
    return download(request, content, f"archive-{privacy_request.pk}.zip")


def lifted_response(privacy_request: PrivacyRequest, request: Request, *, reason: str) -> Response:
    """End the restriction and return the request. Raises a 409 problem where there is none."""
    try:
        services.lift_restriction(
            privacy_request, actor=actor_of(request), reason=reason, now=database_now()
        )
    except services.WrongStatus as error:
        raise problem("", "no_restriction", str(error), 409) from None
    return Response(RequestSerializer(privacy_request).data)


def confirmed_response(privacy_request: PrivacyRequest, request: Request) -> Response:
    """Delete the archive, which the caller has received. Raises problems like a fetch."""
    with _problems_of_archives(privacy_request):
        services.confirm_archive(privacy_request, actor=actor_of(request), now=database_now())
    return Response(status=status.HTTP_204_NO_CONTENT)


@contextmanager
def _problems_of_archives(privacy_request: PrivacyRequest) -> Iterator[None]:
    if privacy_request.status != PrivacyRequest.Status.DONE:
        raise problem("", "not_made", "There is no archive yet.", 404)
    try:
        yield
    except services.ArchiveGone as gone:
        raise problem("", "gone", str(gone), 410) from None
