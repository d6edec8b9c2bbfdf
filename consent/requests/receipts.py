"""The receipt of a request, signed: proof of what was done that names nobody."""

from consent.lib.signing import signed
from consent.models import PrivacyRequest

KIND = "privacy-receipt+jwt"
_CARRIED_OUT = (PrivacyRequest.Status.HELD, PrivacyRequest.Status.DONE)


def signed_receipt(request: PrivacyRequest) -> str | None:
    """Return the receipt of a request that is carried out as a compact JWS, None before."""
    if request.status not in _CARRIED_OUT or request.done_at is None:
        return None
    content = {
        "request": str(request.pk),
        "kind": request.kind,
        "received_at": request.received_at.isoformat(),
        "done_at": request.done_at.isoformat(),
        "receipt": request.receipt,
    }
    return signed(content, kind=KIND)
