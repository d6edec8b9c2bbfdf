"""The tracking API: Segment's HTTP contract over a durable inbox.

It checks the key and the body and inserts one row, in a plain view, because most of the traffic
goes here. Invariant: a 200 is sent only once the inbox row is committed.
"""

import time
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from ingestion.api.bodies import read_body
from ingestion.api.routes import BATCHES, SHORT_ROUTES
from ingestion.api.senders import Sender, find_sender, sender_of_request
from ingestion.mending.judge import Judge
from ingestion.messages import (
    BadRequest,
    Envelope,
    Rejection,
    RequestFacts,
    is_ordinary_batch,
    read_messages,
    split_request,
)
from ingestion.plans.compiled import plan_of
from ingestion.plans.judge import rejection_by
from ingestion.services import InboxBody, accept, seconds_to_wait
from profiles.api.kit.throttles import sender_of as address_of

WRONG_ORIGIN = (
    "the source of this key does not let pages of this origin send; "
    "a secret key never belongs into a page"
)


@csrf_exempt
def track(request: HttpRequest, route: str) -> HttpResponse:
    """Accept a message or a batch with 200.

    Answers 400 to a body that is not JSON or too large, 401 to an unknown key, 403 to a page of an
    origin that the source does not permit, and 429 to a key over its rate limit.
    """
    if request.method != "POST":
        return _wrong_method("POST, OPTIONS")
    type_ = SHORT_ROUTES.get(route, route)
    try:
        body = read_body(request)
        envelope = split_request(body, "" if type_ in BATCHES else type_)
    except BadRequest as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))
    sender = sender_of_request(request, envelope.write_key)
    if sender is None:
        return refusal(HTTPStatus.UNAUTHORIZED, "unknown write key")
    if not sender.permits(request.headers.get("Origin", "")):
        return refusal(HTTPStatus.FORBIDDEN, WRONG_ORIGIN)
    if wait := seconds_to_wait(sender.key, messages=len(envelope.messages), now=time.time()):
        return rate_limited(wait)
    # Only for the response: the drain judges the messages again.
    if _is_strict(request):
        rejections = Judge().rejections(envelope, source_id=sender.source_id)
    elif not sender.plan and is_ordinary_batch(body, envelope):
        rejections = []
    else:
        rejections = _rejections(envelope, sender)
    accept(
        InboxBody(envelope.type, body, address_of(request) if sender.keeps_address else ""),
        source_id=sender.source_id,
        trust=sender.trust,
        message_count=max(len(envelope.messages), 1),
        is_opted_out=request.headers.get("Sec-GPC") == "1",
    )
    return _accepted(request, rejections)


@csrf_exempt
def ignore_metrics(request: HttpRequest) -> HttpResponse:
    """Accept what an SDK measures about itself, and keep nothing of it."""
    return (
        JsonResponse({"success": True})
        if request.method == "POST"
        else _wrong_method("POST, OPTIONS")
    )


def browser_settings(request: HttpRequest, write_key: str) -> HttpResponse:
    """Return what Segment's SDK for the browser asks for when a page loads, or 404."""
    if request.method not in ("GET", "HEAD"):
        return _wrong_method("GET, HEAD, OPTIONS")
    sender = find_sender(write_key)
    if sender is None:
        return refusal(HTTPStatus.NOT_FOUND, "unknown write key")
    if not sender.permits(request.headers.get("Origin", "")):
        return refusal(HTTPStatus.FORBIDDEN, WRONG_ORIGIN)
    host = f"{request.get_host()}/v1"
    everything = {"__default": {"enabled": True}}
    return JsonResponse(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": host,
                    "protocol": request.scheme,
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                }
            },
            "plan": {"track": everything, "identify": everything, "group": everything},
            "edgeFunction": {},
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "remotePlugins": [],
            # Not to be measured: the SDK would otherwise send its figures to Segment.
            "metrics": {"sampleRate": 0, "host": host},
        }
    )


def refusal(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return problem details that also have the members by which SDKs know Segment's refusals."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "errors": [],
        "success": False,
        "code": status.phrase.lower().replace(" ", "_"),
        "message": detail,
    }
    return JsonResponse(
        body, status=status, content_type="application/problem+json", headers=headers
    )


def _wrong_method(allowed: str) -> HttpResponse:
    return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"allowed: {allowed}", {"Allow": allowed})


def rate_limited(wait: int) -> HttpResponse:
    """Return a 429 that says in how many seconds to send again."""
    # Segment's SDK for the browser reads the second header.
    headers = {"Retry-After": str(wait), "X-RateLimit-Reset": str(wait)}
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many messages", headers)


def _accepted(request: HttpRequest, rejections: list[Rejection]) -> HttpResponse:
    """Answer 200, or with `?strict=1` a 207 that lists the rejected messages."""
    # A 200 even if all messages are rejected, since SDKs retry any other status for ever.
    response = JsonResponse({"success": True})
    if rejections and _is_strict(request):
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


def _is_strict(request: HttpRequest) -> bool:
    return request.GET.get("strict") == "1"


def _rejections(envelope: Envelope, sender: Sender) -> list[Rejection]:
    """Return the messages that the drain will reject for their shape or by the source's plan."""
    request = RequestFacts(
        0,
        sender.source_id,
        timezone.now(),
        settings.DEFAULT_PHONE_REGION,
        forbidden=sender.forbidden,
    )
    # Without a digest key: digests are not needed here.
    results = read_messages(envelope, request, b"")
    plan = plan_of(sender.plan)
    judged = (
        result if isinstance(result, Rejection) else rejection_by(plan, result)
        for result in results
    )
    return [rejection for rejection in judged if rejection is not None]
