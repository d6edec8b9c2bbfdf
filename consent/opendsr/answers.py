"""The bodies of what controllers are sent. None has an identity in it."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from consent.models import PrivacyRequest, SubjectRequest
from consent.opendsr.certificates import current_signer, domain
from consent.opendsr.contract import (
    API_VERSION,
    STANDARD_KINDS,
    Status,
    status_of,
    supported_identities,
)
from consent.opendsr.signatures import signed_body

_WITH_RESULTS = (PrivacyRequest.Kind.ACCESS, PrivacyRequest.Kind.PORTABILITY)


def discovery() -> dict[str, Any]:
    """Return what is supported here, and where the certificate is."""
    certificate_id = current_signer().certificate.id
    return {
        "api_version": API_VERSION,
        "supported_identities": supported_identities(),
        "supported_subject_request_types": list(STANDARD_KINDS),
        "processor_certificate": f"{base_url()}/certificates/{certificate_id}.pem",
    }


def receipt(subject_request: SubjectRequest, body: bytes) -> dict[str, Any]:
    """Return the answer to a request that was passed on; `body` is all that was sent."""
    return signed_body(
        {
            "controller_id": subject_request.controller.controller_id,
            "expected_completion_time": _time(subject_request.expected_at),
            "received_time": _time(subject_request.received_at),
            "encoded_request": b64encode(body).decode(),
            "subject_request_id": str(subject_request.subject_request_id),
        }
    )


def cancellation(subject_request: SubjectRequest, *, now: datetime) -> dict[str, Any]:
    """Return the answer to the cancelling of a request."""
    return signed_body(
        {
            "api_version": API_VERSION,
            "controller_id": subject_request.controller.controller_id,
            "received_time": _time(now),
            "subject_request_id": str(subject_request.subject_request_id),
        }
    )


def status_body(subject_request: SubjectRequest, status: str = "") -> dict[str, Any]:
    """Return the status object of a request: as it is, or as it was at a status of the standard."""
    request = subject_request.request
    status = status or status_of(request.status)
    body: dict[str, Any] = {
        "api_version": API_VERSION,
        "controller_id": subject_request.controller.controller_id,
        "expected_completion_time": _time(request.due_at),
        "subject_request_id": str(subject_request.subject_request_id),
        "request_status": status,
    }
    if status == Status.COMPLETED and request.kind in _WITH_RESULTS:
        address = f"{base_url()}/requests/{subject_request.subject_request_id}/results"
        body |= {"results_url": address, "results_count": request.receipt.get("profiles", 0)}
    if outcome := _outcome(request, status):
        body["extensions"] = {domain(): {"outcome": outcome}}
    return body


def base_url() -> str:
    """Return the address that all others begin with."""
    return f"{settings.OPENDSR_URL.rstrip('/')}/opendsr/v2"


def _outcome(request: PrivacyRequest, status: str) -> str:
    """Return how a request ended that the standard has no word for; else an empty text."""
    if status == Status.CANCELLED and request.status == PrivacyRequest.Status.REFUSED:
        return "denied"
    is_about_nobody = not request.identifier_ids and not request.receipt.get("suppressed")
    return "no_match" if status == Status.COMPLETED and is_about_nobody else ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
