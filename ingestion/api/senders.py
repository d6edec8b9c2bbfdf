"""Who sends to the tracking API: the source of a key, and how far it is believed.

Invariant: a revoked key is refused within a second, whatever the cache holds.
"""

import base64
import time
from collections.abc import Iterator
from typing import NamedTuple

from django.http import HttpRequest

from ingestion.forbidden_names import load_forbidden
from ingestion.messages import Forbidden
from ingestion.models import WriteKey
from ingestion.plans.compiled import digest_in_force
from profiles.api.kit.access import is_usable
from profiles.lib.credentials import digest_of
from profiles.models import ApiKey, Source, TrustLevel
from profiles.models.access import Scope
from profiles.services import Actor, source_of_service

KEY_CACHE_SECONDS = 0.5
KEY_CACHE_SIZE = 10_000  # bounds the memory that requests with invented keys can take


class Sender(NamedTuple):
    """The source of a write key, its trust, the key's prefix, and what the source permits.

    `plan` is the digest of its tracking plan, empty where it has none. `forbidden` names are left
    out before a plan is obeyed.
    """

    source_id: int
    trust: int
    key: str
    allowed_origins: tuple[str, ...]
    keeps_address: bool
    plan: str
    forbidden: Forbidden

    def permits(self, origin: str) -> bool:
        """Whether pages of this origin may send with the key. Programs have no origin."""
        if not origin:
            return True
        if not self.allowed_origins:
            # A secret key on a page would be read by its visitors.
            return self.trust == TrustLevel.CLAIM
        return any(_matches(origin.lower(), allowed) for allowed in self.allowed_origins)


# Senders and their time of expiry by the digest of the key; None for unknown keys.
_senders: dict[str, tuple[float, Sender | None]] = {}


def sender_of_request(request: HttpRequest, body_key: str) -> Sender | None:
    """Return the sender by the key of the Authorization header, or else by that of the body.

    The header may hold what is none of our keys, such as an OAuth token or the password of a
    staging site.
    """
    keys = (key for key in (*_header_keys(request), body_key) if key)
    return next(filter(None, map(find_sender, keys)), None)


def find_sender(key: str) -> Sender | None:
    """Return the sender of the key, cached for half a second, or None for an unknown key."""
    digest = digest_of(key)
    now = time.monotonic()
    cached = _senders.get(digest)
    if cached is not None and cached[0] > now:
        return cached[1]
    sender = _sender_of_write_key(digest) or _sender_of_service(digest)
    if len(_senders) >= KEY_CACHE_SIZE:
        forget_senders()
    _senders[digest] = (now + KEY_CACHE_SECONDS, sender)
    return sender


def forget_senders() -> None:
    """Empty the cache."""
    _senders.clear()


def _sender_of_write_key(digest: str) -> Sender | None:
    keys = WriteKey.objects.select_related("source")
    key = keys.filter(digest=digest, revoked_at=None).first()
    return _sender(key.source, key.trust, key.prefix) if key else None


def _sender_of_service(digest: str) -> Sender | None:
    """Return the sender of an API key that may send events; its source is that of its service."""
    key = ApiKey.objects.filter(digest=digest).first()
    if key is None or not is_usable(key) or Scope.EVENTS_WRITE not in key.scopes:
        return None
    return _sender(source_of_service(key, actor=Actor.service(key)), TrustLevel.SERVER, key.prefix)


def _sender(source: Source, trust: TrustLevel, key: str) -> Sender:
    return Sender(
        source.pk,
        int(trust),
        key,
        tuple(source.allowed_origins),
        source.keeps_address,
        digest_in_force(source.pk),
        load_forbidden().of(source.pk),
    )


def _header_keys(request: HttpRequest) -> Iterator[str]:
    """Yield the key of the Authorization header: Basic `key:`, whose colon some leave out, Bearer.

    A staging site's own Basic header may hold anything.
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(credentials).decode().partition(":")[0]
        except ValueError:  # no ASCII, no base64, or no UTF-8
            return


def _matches(origin: str, allowed: str) -> bool:
    scheme, star, host = allowed.partition("*.")
    if not star:
        return origin == allowed
    return origin.startswith(scheme) and origin.endswith(f".{host}")
