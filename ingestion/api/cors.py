"""Cross-origin requests to the tracking API, for SDKs in browsers.

A preflight names no key, so it permits every origin. The request that follows names its key and is
refused (403) where the key's source does not permit the origin: a page may hide what it sends from
the browser's own check, but not from that of the server.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

PREFIX = "/v1/"
# Segment's SDK for the browser sends the first on every request and the last on a retry.
REQUEST_HEADERS = ("Authorization", "Content-Type", "X-Retry-Count")
RESPONSE_HEADERS = "Retry-After, X-RateLimit-Reset, X-Rejected"
PREFLIGHT_SECONDS = "7200"  # the most that Chromium keeps


def cross_origin(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: answers preflights, and lets pages read the other answers, errors included."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return get_response(request)
        is_preflight = request.method == "OPTIONS" and "Origin" in request.headers
        response = _preflight(request) if is_preflight else get_response(request)
        patch_vary_headers(response, ("Origin",))
        # 403 is what a page gets whose origin the source does not permit.
        if "Origin" in request.headers and response.status_code != 403:
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
        return response

    return middleware


def _preflight(request: HttpRequest) -> HttpResponse:
    requested = request.headers.get("Access-Control-Request-Headers", "").split(",")
    known = {name.lower() for name in REQUEST_HEADERS}
    # Other SDKs have headers of their own, which nothing here reads.
    others = [name.strip() for name in requested if name.strip().lower() not in {*known, ""}]
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": ", ".join((*REQUEST_HEADERS, *others)),
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }
    return HttpResponse(status=204, headers=headers)
