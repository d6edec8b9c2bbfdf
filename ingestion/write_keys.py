"""Write keys: made, shown once, revoked."""

from django.utils import timezone

from ingestion.models import WriteKey
from profiles.lib.credentials import make_credential
from profiles.models import Source

PREFIXES = {WriteKey.Kind.PUBLIC: "twp", WriteKey.Kind.SECRET: "tws"}


def create_write_key(source: Source, *, kind: WriteKey.Kind) -> tuple[WriteKey, str]:
    """A new key of the source and its secret, which is shown now and never again."""
    credential = make_credential(PREFIXES[kind])
    key = WriteKey.objects.create(
        source=source, kind=kind, prefix=credential.prefix, digest=credential.digest
    )
    return key, credential.secret


def revoke_write_key(key: WriteKey) -> None:
    """Within half a second, no web process takes anything by this key any more."""
    WriteKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
