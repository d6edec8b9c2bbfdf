"""Creating and revoking API keys."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from profiles.audit import Actor, audited
from profiles.lib.credentials import make_credential
from profiles.models import ApiKey
from profiles.models.access import Scope


def create_api_key(
    name: str,
    *,
    actor: Actor,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    purposes: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Create a key and return it with its secret, which cannot be read again.

    One that is bound to purposes reads a person only while all of them are permitted; a purpose
    that there is not permits nobody. Raises ValueError for an unknown scope, or none, and for an
    end that is past.
    """
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValueError(f"Scopes must be among: {' '.join(Scope.values)}.")
    if expires_at is not None and expires_at <= timezone.now():
        raise ValueError("The key would have expired already.")
    credential = make_credential("tsk")
    with audited(actor, "api_key.created") as deed:
        key = ApiKey.objects.create(
            name=name,
            prefix=credential.prefix,
            digest=credential.digest,
            scopes=sorted(set(scopes)),
            purposes=sorted(set(purposes)),
            expires_at=expires_at,
        )
        deed.about(
            "api_key",
            key.prefix,
            name=[None, name],
            scopes=[None, key.scopes],
            purposes=[None, key.purposes],
            expires_at=[None, expires_at and expires_at.isoformat()],
        )
    return key, credential.secret


def revoke_api_key(key: ApiKey, *, actor: Actor) -> None:
    """Revoke the key from the next request on; a key revoked before keeps its time."""
    with audited(actor, "api_key.revoked") as deed:
        unrevoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            deed.about("api_key", key.prefix)
