"""Sources, and keys of services that call the API."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from profiles.credentials import make_credential
from profiles.models import ApiKey, Source
from profiles.models.access import Scope


@transaction.atomic
def create_source(key: str, *, name: str = "", priority: int = 100) -> Source:
    """A new source. Raises ValidationError on a bad or taken key."""
    source = Source(key=key, name=name or key.replace("-", " ").capitalize(), priority=priority)
    source.full_clean()
    source.save()
    return source


def create_api_key(
    name: str, *, scopes: Sequence[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown now and never again. Raises ValueError on an unknown scope."""
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise ValueError(f"Scopes must be among: {' '.join(Scope.values)}.")
    credential = make_credential("tsk")
    key = ApiKey.objects.create(
        name=name,
        prefix=credential.prefix,
        digest=credential.digest,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return key, credential.secret


def revoke_api_key(key: ApiKey) -> None:
    """From the next request on, the key opens nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
