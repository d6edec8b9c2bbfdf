"""Creating and revoking write keys, and registering a source together with its first one."""

from typing import Unpack

from django.utils import timezone

from ingestion.models import WriteKey
from profiles.lib.credentials import make_credential
from profiles.models import Source
from profiles.services import (
    Actor,
    SourceSettings,
    audited,
    create_source,
    differences,
    settings_of,
)

# So that a leaked key can be recognised: Tessera, write, public or secret.
PREFIXES = {WriteKey.Kind.PUBLIC: "twp", WriteKey.Kind.SECRET: "tws"}


def register_source(
    key: str, *, actor: Actor, kind: WriteKey.Kind, **settings: Unpack[SourceSettings]
) -> tuple[Source, str]:
    """Create a source with a write key; return it with the secret, which is not stored.

    Raises ValidationError on a key that is malformed or in use.
    """
    with audited(actor, "source.created") as deed:
        source = create_source(key, actor=actor, **settings)
        write_key, secret = create_write_key(source, actor=actor, kind=kind)
        deed.about(
            "source",
            source.key,
            **differences({}, settings_of(source)),
            write_key=[None, write_key.prefix],
        )
    return source, secret


def create_write_key(source: Source, *, actor: Actor, kind: WriteKey.Kind) -> tuple[WriteKey, str]:
    """Create a write key and return it with its secret, which cannot be read again."""
    credential = make_credential(PREFIXES[kind])
    with audited(actor, "write_key.created") as deed:
        key = WriteKey.objects.create(
            source=source, kind=kind, prefix=credential.prefix, digest=credential.digest
        )
        deed.about("write_key", key.prefix, source=[None, source.key], kind=[None, kind.value])
    return key, credential.secret


def revoke_write_key(key: WriteKey, *, actor: Actor) -> None:
    """Revoke the key. Web processes refuse it once their cache of half a second ends."""
    with audited(actor, "write_key.revoked") as deed:
        unrevoked = WriteKey.objects.filter(pk=key.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            deed.about("write_key", key.prefix)
