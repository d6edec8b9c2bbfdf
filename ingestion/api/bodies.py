"""Reading the body of a request of the tracking API, within its limit of size."""

import zlib

from django.http import HttpRequest

from ingestion.messages import MAX_REQUEST_BYTES, BadRequest

TOO_LARGE = "the request is larger than 500 KB"
GZIP_START = b"\x1f\x8b"


def read_body(request: HttpRequest) -> bytes:
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
