"""Showing and sending nothing of a restored backup before the privacy journal is replayed.

Invariant: what people ask for still works, and messages are still accepted: only what would show or
send something of people is refused.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from config.http.availability import RETRY_SECONDS
from config.http.problems import API_PATHS, PROBLEM_TYPE
from consent.services import awaits_replay

DETAIL = "A backup was restored, and the privacy journal is not replayed yet (privacy_replay)."
# Probes, and doors by which messages come in, mails are unsubscribed or their links lead on.
OPEN_PATHS = (
    *("/healthz", "/readyz", "/metrics", "/static/", "/.well-known/"),
    *("/v1/", "/hooks/", "/privacy/unsubscribe/", "/links/"),
)
# Doors by which people, or others for them, take back or have erased. Reading there is refused.
ASKING_PATHS = ("/api/v1/consents/", "/api/v1/privacy/requests/", "/opendsr/v2/requests")


def refuse_until_replayed(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: answer 503 to what would show people of a backup that forgot their wishes."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_open(request.method or "", request.path_info) or not awaits_replay():
            return get_response(request)
        response = _refusal(request.path_info)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response

    return middleware


def is_open(method: str, path: str) -> bool:
    """Whether the address is answered as ever."""
    return path.startswith(OPEN_PATHS) or (method == "POST" and path in _asking())


def _asking() -> tuple[str, ...]:
    return (*ASKING_PATHS, *(f"{path}/" for path in ASKING_PATHS if not path.endswith("/")))


def _refusal(path: str) -> HttpResponse:
    if path.startswith(API_PATHS):
        body = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": DETAIL,
            "errors": [{"path": "", "code": "restored_backup", "detail": DETAIL}],
        }
        return JsonResponse(body, status=503, content_type=PROBLEM_TYPE)
    words = _("This site is being restored. Please come back in a while.")
    if path.startswith("/admin/"):
        words = f"{words}\n{DETAIL}"
    return HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")
