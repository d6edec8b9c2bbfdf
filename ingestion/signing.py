"""Identity verification: a server signs who is logged in, and a page passes the signature on.

A page holds a public key, which anybody can use for any userId. A message whose
`context.identity_signature` is the HMAC-SHA256 of its userId, in hexadecimal, counts as one of the
server that knows the secret.
"""

import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from ingestion.models import SigningSecret
from profiles.lib.credentials import PREFIX_LENGTH
from profiles.models import Source
from profiles.services import Actor, audited

KIND = "tss"  # so that a leaked secret can be recognised: Tessera, signing secret


def create_signing_secret(source: Source, *, actor: Actor) -> tuple[SigningSecret, str]:
    """Create a signing secret; return it with its text. Others of the source stay valid."""
    salt = uuid4()
    text = _text(salt)
    with audited(actor, "signing_secret.created") as deed:
        secret = SigningSecret.objects.create(source=source, salt=salt, prefix=text[:PREFIX_LENGTH])
        deed.about("signing_secret", secret.prefix, source=[None, source.key])
    return secret, text


def revoke_signing_secret(secret: SigningSecret, *, actor: Actor) -> None:
    """Revoke the secret. What is drained from now on and signed with it is a claim."""
    with audited(actor, "signing_secret.revoked") as deed:
        unrevoked = SigningSecret.objects.filter(pk=secret.pk, revoked_at=None)
        if unrevoked.update(revoked_at=timezone.now()):
            deed.about("signing_secret", secret.prefix)


def signature_of(user_id: str, secret: str) -> str:
    """Return the signature of a userId: an HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def load_signing_secrets(source_ids: Collection[int]) -> Mapping[int, Iterable[str]]:
    """Return the valid secrets of sources."""
    secrets = SigningSecret.objects.filter(source_id__in=source_ids, revoked_at=None)
    by_source: dict[int, list[str]] = defaultdict(list)
    for source_id, salt in secrets.values_list("source_id", "salt"):
        by_source[source_id].append(_text(salt))
    return by_source


def is_signed(user_id: str, signature: str, secrets: Iterable[str]) -> bool:
    """Whether the signature was made with one of the secrets."""
    made = [signature_of(user_id, secret) for secret in secrets]
    given = signature.lower().encode()
    return any(hmac.compare_digest(each.encode(), given) for each in made)


def _text(salt: UUID) -> str:
    # The one key of the installation that never changes.
    key = settings.DEDUPLICATION_KEY.encode()
    derived = hmac.digest(key, b"signing secret\0" + salt.bytes, "sha256")
    return f"{KIND}_{base64.urlsafe_b64encode(derived).rstrip(b'=').decode()}"
