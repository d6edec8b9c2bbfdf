"""The receipt of a request, signed: proof of what was done that names nobody."""

from consent.lib.signing import signed
from consent.models import PrivacyRequest

KIND = "privacy-receipt+jwt"


def signed_receipt(request: PrivacyRequest) -> str | None:
    """Return the receipt of a request that is done as a compact JWS, None before."""
    if request.status != PrivacyRequest.Status.DONE or request.done_at is None:
        return None
    content = {
        "request": str(request.pk),
        "kind": request.kind,
        "received_at": request.received_at.isoformat(),
        "done_at": request.done_at.isoformat(),
        "receipt": request.receipt,
    }
    return signed(content, kind=KIND)
