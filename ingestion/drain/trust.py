"""Which messages of public keys are signed, and count as those of a server."""

from collections.abc import Iterable

from ingestion.drain.chunk import PendingMessage
from ingestion.messages import INVALID_SIGNATURE
from ingestion.signing import is_signed, load_signing_secrets
from profiles.models import TrustLevel


def verify_signatures(messages: Iterable[PendingMessage]) -> None:
    """Find out which messages are signed; a wrong signature is counted and is no fault."""
    signing = [
        pending
        for pending in messages
        if pending.message.proof is not None and pending.row.trust == TrustLevel.CLAIM
    ]
    if not signing:
        return
    secrets = load_signing_secrets({pending.row.source_id for pending in signing})
    for pending in signing:
        if pending.message.proof is None:
            continue
        user_id, signature = pending.message.proof
        pending.is_signed = is_signed(user_id, signature, secrets.get(pending.row.source_id, ()))
        if not pending.is_signed:
            left_out = (*pending.message.left_out, INVALID_SIGNATURE)
            pending.message = pending.message._replace(left_out=left_out)
