"""Answering with a file that is fetched in pieces, so that a broken download goes on (RFC 9110).

One range of bytes is understood; any other header of ranges is answered with the whole file.
"""

import hashlib
import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


def continues_download(request: HttpRequest) -> bool:
    """Whether the request is for the rest of a file of which it has the beginning."""
    wanted = _RANGE.match(request.headers.get("Range", ""))
    return bool(wanted and wanted[1].strip("0"))


def download(request: HttpRequest, content: bytes, name: str) -> HttpResponse:
    """Answer with a ZIP file of this name, or with the piece of it that was requested."""
    response = HttpResponse(content, content_type="application/zip")
    response["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    wanted = _RANGE.match(request.headers.get("Range", ""))
    if wanted is None or request.headers.get("If-Range", response["ETag"]) != response["ETag"]:
        return response
    piece = _piece(wanted[1], wanted[2], len(content))
    if piece is None:
        response.status_code, response.content = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b""
        response["Content-Range"] = f"bytes */{len(content)}"
        return response
    first, last = piece
    response.status_code = HTTPStatus.PARTIAL_CONTENT
    response.content = content[first : last + 1]
    response["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return response


def _piece(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte of a range; None where the file has none of them."""
    if not first:
        # Without a beginning, it is so many bytes from the end.
        start, end = max(0, size - int(last or 0)), size - 1
    else:
        start, end = int(first), min(int(last or size), size - 1)
    return (start, end) if start <= end else None
