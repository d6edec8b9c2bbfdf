"""The addresses of webhooks: `/hooks/{source}/{token}/`."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from ingestion.api.tracking import rate_limited, refusal
from ingestion.inbox.rates import seconds_to_wait
from ingestion.services import (
    BadSignature,
    Delivery,
    answer_to,
    answer_to_challenge,
    check_signature,
    find_hook,
    is_ping,
    is_tried_by_get,
    read_content,
    take_delivery,
)
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

MAX_BYTES = 1024 * 1024
FORM = "application/x-www-form-urlencoded"


@csrf_exempt
def receive(request: HttpRequest, source: str, token: str) -> HttpResponse:
    """Take a delivery with 200 once its messages are stored.

    Answers 401 to a wrong signature, 404 to an unknown address, and 429 over the rate limit; 200
    also to what means nothing here, since tools switch off what they are refused.
    """
    hook = find_hook(source, token)
    if hook is None:
        return refusal(HTTPStatus.NOT_FOUND, "unknown address")
    url = request.build_absolute_uri(request.path)
    if request.method in ("GET", "HEAD"):
        if proof := answer_to_challenge(hook, request.GET.dict(), url):
            return HttpResponse(proof.text, content_type=proof.type)
        if is_tried_by_get(hook):
            return JsonResponse({"success": True})
    if request.method != "POST":
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "allowed: POST", {"Allow": "POST"})
    try:
        body = request.read(MAX_BYTES + 1)
    except (OSError, UnreadablePostError, RawPostDataException):
        return refusal(HTTPStatus.BAD_REQUEST, "the body broke off")
    if len(body) > MAX_BYTES:
        return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "at most 1 MB")
    headers = {name.lower(): value for name, value in request.headers.items()}
    delivery = Delivery(body, headers, url=url)
    if is_ping(hook, delivery):
        return JsonResponse({"success": True})
    try:
        now = timezone.now()
        check_signature(hook, delivery, now=now)
        content = read_content(hook, delivery, lambda: _content(request, body))
    except BadSignature:
        return refusal(HTTPStatus.UNAUTHORIZED, "the signature is not that of this source")
    except UnreadableJSON as error:
        return refusal(HTTPStatus.BAD_REQUEST, f"the body must be {error.detail}")
    # What is signed alone counts, so that nobody else uses up the rate of the tool.
    if wait := seconds_to_wait(hook.prefix, messages=1, now=now.timestamp()):
        return rate_limited(wait)
    if not isinstance(content, dict):
        return refusal(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    messages = take_delivery(hook, Delivery(body, headers, content))
    if answer := answer_to(hook, delivery, now=now):
        return HttpResponse(answer.text, content_type=answer.type)
    return JsonResponse({"success": True, "messages": messages})


def _content(request: HttpRequest, body: bytes) -> Any:
    """Return what the body says: JSON, or the fields of a form. Raises UnreadableJSON."""
    if request.content_type != FORM:
        return exact_json.read(body)
    fields = QueryDict(body, encoding="utf-8").dict()
    # Judged like JSON: what the database cannot store is replaced.
    return exact_json.read(exact_json.dump_bytes(fields))
