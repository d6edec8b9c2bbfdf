"""Creating and revoking write keys."""

from django.utils import timezone

from ingestion.models import WriteKey
from profiles.lib.credentials import make_credential
from profiles.models import Source

# So that a leaked key can be recognised: Tessera, write, public or secret.
PREFIXES = {WriteKey.Kind.PUBLIC: "twp", WriteKey.Kind.SECRET: "tws"}


def create_write_key(source: Source, *, kind: WriteKey.Kind) -> tuple[WriteKey, str]:
    """Create a write key and return it with its secret, which cannot be read again."""
    credential = make_credential(PREFIXES[kind])
    key = WriteKey.objects.create(
        source=source, kind=kind, prefix=credential.prefix, digest=credential.digest
    )
    return key, credential.secret


def revoke_write_key(key: WriteKey) -> None:
    """Revoke the key. Web processes refuse it once their cache of half a second ends."""
    WriteKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
