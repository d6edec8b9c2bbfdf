"""The tracking API: Segment's HTTP contract over a durable inbox.

It checks the key and the body and inserts one row, in a plain view, because most of the traffic
goes here. Invariant: a 200 is sent only once the inbox row is committed.
"""

import base64
import time
import zlib
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ingestion.messages import (
    MAX_REQUEST_BYTES,
    BadRequest,
    Envelope,
    Rejection,
    RequestFacts,
    is_ordinary_batch,
    read_messages,
    split_request,
)
from ingestion.models import WriteKey
from ingestion.services import InboxBody, accept, seconds_to_wait
from profiles.api.kit.access import is_usable
from profiles.lib.credentials import digest_of
from profiles.models import ApiKey, TrustLevel
from profiles.models.access import Scope
from profiles.services import Actor, source_of_service

TOO_LARGE = "the request is larger than 500 KB"
GZIP_START = b"\x1f\x8b"
KEY_CACHE_SECONDS = 0.5  # a revoked key must be refused within a second
KEY_CACHE_SIZE = 10_000  # bounds the memory that requests with invented keys can take


class Sender(NamedTuple):
    """The source of a write key, its trust, and the key's prefix."""

    source_id: int
    trust: int
    key: str


# Senders and their time of expiry by the digest of the key; None for unknown keys.
_senders: dict[str, tuple[float, Sender | None]] = {}


@csrf_exempt
@require_POST
def track(request: HttpRequest, type_: str) -> HttpResponse:
    """Accept a message or a batch with 200.

    Answers 400 to a body that is not JSON or too large, 401 to an unknown key, and 429 to a key
    over its rate limit.
    """
    try:
        body = _read_body(request)
        envelope = split_request(body, "" if type_ in ("batch", "import") else type_)
    except BadRequest as error:
        return JsonResponse({"success": False, "message": str(error)}, status=400)
    sender = _find_sender(_key_from_header(request) or envelope.write_key)
    if sender is None:
        return JsonResponse({"success": False, "message": "unknown write key"}, status=401)
    if wait := seconds_to_wait(sender.key, messages=len(envelope.messages), now=time.time()):
        return _rate_limited(wait)
    # Only for the response: the drain judges the messages again.
    rejections = [] if is_ordinary_batch(body, envelope) else _rejections(envelope, sender)
    accept(
        InboxBody(envelope.type, body),
        source_id=sender.source_id,
        trust=sender.trust,
        message_count=max(len(envelope.messages), 1),
        is_opted_out=request.headers.get("Sec-GPC") == "1",
    )
    return _accepted(request, rejections)


def _rate_limited(wait: int) -> HttpResponse:
    refusal = {"success": False, "message": "too many messages"}
    # Segment's SDK for the browser reads the second header.
    headers = {"Retry-After": str(wait), "X-RateLimit-Reset": str(wait)}
    return JsonResponse(refusal, status=429, headers=headers)


def _accepted(request: HttpRequest, rejections: list[Rejection]) -> HttpResponse:
    """Answer 200, or with `?strict=1` a 207 that lists the rejected messages."""
    # A 200 even if all messages are rejected, since SDKs retry any other status for ever.
    response = JsonResponse({"success": True})
    if rejections and request.GET.get("strict") == "1":
        rejected = [
            {
                "index": rejection.place,
                "messageId": rejection.message_id,
                "code": rejection.code,
                "path": rejection.path,
                "detail": rejection.detail,
            }
            for rejection in rejections
        ]
        response = JsonResponse({"success": False, "rejected": rejected}, status=207)
    if rejections:
        response["X-Rejected"] = str(len(rejections))
    return response


def _rejections(envelope: Envelope, sender: Sender) -> list[Rejection]:
    """Return the messages that the drain will reject, found by the same parser."""
    request = RequestFacts(0, sender.source_id, timezone.now(), settings.DEFAULT_PHONE_REGION)
    # Without a digest key: digests are not needed here.
    results = read_messages(envelope, request, b"")
    return [result for result in results if isinstance(result, Rejection)]


def _read_body(request: HttpRequest) -> bytes:
    """Return the body, unpacked if it is gzip, told or not. Raises BadRequest."""
    length = request.headers.get("Content-Length", "")
    # Gunicorn refuses what is no number; other servers may hand it over.
    if length.isdecimal() and int(length[:20]) > MAX_REQUEST_BYTES:
        raise BadRequest(TOO_LARGE)
    body = _received(request)
    is_told = request.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip")
    # No JSON begins so.
    return _unpacked(body) if is_told or body.startswith(GZIP_START) else body


def _received(request: HttpRequest) -> bytes:
    """Return the body as it was sent. A chunked one has no length, and ends by itself."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.body
    stream = request.META["wsgi.input"]
    body: bytes = stream.read(MAX_REQUEST_BYTES + 1)
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequest(TOO_LARGE)
    return body


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        # No more than a request may have, so that a small body cannot fill the memory.
        unpacked = unpacker.decompress(body, MAX_REQUEST_BYTES + 1)
    except zlib.error as error:
        raise BadRequest("the body is not gzip") from error
    if len(unpacked) <= MAX_REQUEST_BYTES and not unpacker.eof:
        raise BadRequest("the gzip body is cut short")
    return unpacked


def _key_from_header(request: HttpRequest) -> str:
    """Return the write key of the Authorization header, Basic `key:` or Bearer, or an empty text.

    Some SDKs leave the colon out.
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except ValueError:  # no ASCII, no base64, or no UTF-8
        return ""


def _find_sender(key: str) -> Sender | None:
    """Return the sender of the key, cached for half a second, or None for an unknown key."""
    digest = digest_of(key)
    now = time.monotonic()
    cached = _senders.get(digest)
    if cached is not None and cached[0] > now:
        return cached[1]
    write_key = WriteKey.objects.filter(digest=digest, revoked_at=None).first()
    sender = (
        Sender(write_key.source_id, int(write_key.trust), write_key.prefix)
        if write_key
        else _find_service(digest)
    )
    if len(_senders) >= KEY_CACHE_SIZE:
        _senders.clear()
    _senders[digest] = (now + KEY_CACHE_SECONDS, sender)
    return sender


def _find_service(digest: str) -> Sender | None:
    """Return the sender of an API key that may send events; its source is that of its service."""
    key = ApiKey.objects.filter(digest=digest).first()
    if key is None or not is_usable(key) or Scope.EVENTS_WRITE not in key.scopes:
        return None
    source = source_of_service(key, actor=Actor.service(key))
    return Sender(source.pk, int(TrustLevel.SERVER), key.prefix)
