"""The tracking API: Segment's HTTP contract over a durable inbox.

Invariant: a 200 is sent only once the inbox row is committed. A plain view, since this path carries most of the traffic: the
key is judged, the body's size and shape are judged, one row is inserted.
"""

import base64
import binascii
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
    without_unstorable,
)
from ingestion.models import WriteKey
from ingestion.services import InboxBody, accept, seconds_to_wait
from profiles.lib.credentials import digest_of

KEY_CACHE_SECONDS = 0.5
KEY_CACHE_SIZE = 10_000


class Sender(NamedTuple):
    """Who writes with a key."""

    source_id: int
    trust: int
    key: str


_senders: dict[str, tuple[float, Sender | None]] = {}


@csrf_exempt
@require_POST
def track(request: HttpRequest, type_: str) -> HttpResponse:
    """Take a message, or a batch of them: 200.

    400 for what is no JSON or too large, 401 for an unknown key, 429 for a key that sends more than it may.
    """
    try:
        body = without_unstorable(_unpacked(request))
        envelope = split_request(body, "" if type_ in ("batch", "import") else type_)
    except BadRequest as fault:
        return JsonResponse({"success": False, "message": str(fault)}, status=400)
    sender = _sender(_key(request) or envelope.write_key)
    if sender is None:
        return JsonResponse({"success": False, "message": "unknown write key"}, status=401)
    if wait := seconds_to_wait(sender.key, messages=len(envelope.messages), now=time.time()):
        return _refused_for_now(wait)
    rejections = (
        [] if not envelope.type and is_ordinary_batch(body) else _rejections(envelope, sender)
    )
    accept(
        InboxBody(envelope.type, body),
        source_id=sender.source_id,
        trust=sender.trust,
        message_count=max(len(envelope.messages), 1),
        is_opted_out=request.headers.get("Sec-GPC") == "1",
    )
    return _answer(request, rejections)


def _refused_for_now(wait: int) -> HttpResponse:
    """SDKs send again after so many seconds; Segment's own for the browser reads them from the second header."""
    refusal = {"success": False, "message": "too many messages"}
    headers = {"Retry-After": str(wait), "X-RateLimit-Reset": str(wait)}
    return JsonResponse(refusal, status=429, headers=headers)


def _answer(request: HttpRequest, rejections: list[Rejection]) -> HttpResponse:
    """200 whatever single messages are worth, since SDKs would retry for ever; `?strict=1` tells all."""
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
    """What the drain will refuse, by the same judgement."""
    arrived = RequestFacts(0, sender.source_id, timezone.now(), settings.DEFAULT_PHONE_REGION)
    read = read_messages(envelope, arrived, b"")
    return [message for message in read if isinstance(message, Rejection)]


def _unpacked(request: HttpRequest) -> bytes:
    """The body, without gzip. Unpacks no more than a request may have."""
    if int(request.headers.get("Content-Length") or 0) > MAX_REQUEST_BYTES:
        raise BadRequest("the request is larger than 500 KB")
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return request.body
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        body = unpacker.decompress(request.body, MAX_REQUEST_BYTES + 1)
    except zlib.error as error:
        raise BadRequest("the body is not gzip") from error
    if len(body) <= MAX_REQUEST_BYTES and not unpacker.eof:
        raise BadRequest("the gzip body is cut short")
    return body


def _key(request: HttpRequest) -> str:
    """The write key of the Authorization header: Basic `key:` (the colon may be missing) or Bearer."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _sender(key: str) -> Sender | None:
    """Who the key belongs to, remembered for half a second: a revoked key dies within one."""
    digest = digest_of(key)
    now = time.monotonic()
    known = _senders.get(digest)
    if known is not None and known[0] > now:
        return known[1]
    row = WriteKey.objects.filter(digest=digest, revoked_at=None).first()
    sender = Sender(row.source_id, int(row.trust), row.prefix) if row else None
    if len(_senders) >= KEY_CACHE_SIZE:
        _senders.clear()
    _senders[digest] = (now + KEY_CACHE_SECONDS, sender)
    return sender
