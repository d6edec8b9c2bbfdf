"""Headers of every answer: nothing is kept by caches, and pages load only what this site serves.

Invariant: an answer without a rule of its own gets the strict policy.
"""

from collections.abc import Callable

from csp.constants import HEADER, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

STRICT_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
# Unfold's Alpine evaluates the expressions of its attributes, and sets styles inline.
ADMIN_POLICY = STRICT_POLICY | {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
}
# Swagger's page sets styles inline and has its icons in them.
DOCS_POLICY = STRICT_POLICY | {"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}
POLICIES = {"/admin/": ADMIN_POLICY, "/api/docs/": DOCS_POLICY}
STRICT_HEADER = build_policy(STRICT_POLICY)


class ContentPolicy(CSPMiddleware):
    """Sends the content security policy of the part of the site that an address lies in."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        # Most of the traffic: to spell the policy takes as long as to read a batch.
        if request.path.startswith("/v1/"):
            response[HEADER] = STRICT_HEADER
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only:
            policies = (POLICIES[part] for part in POLICIES if request.path.startswith(part))
            parts.config = next(policies, STRICT_POLICY)
        return parts


def never_stored(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no cache keeps an answer, since nearly all of them hold personal data."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        patch_cache_control(response, no_store=True)
        return response

    return middleware
