"""Fetching an export by its link: a page with one button, which works without a script.

Invariant: a GET changes nothing, since programs that look through mail follow every link.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent.pages.kit import in_their_language, page
from profiles.api.kit.throttles import sender_of
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.services import Actor
from segments.api.export_files import file_response
from segments.lib.failures import SegmentFailed
from segments.services import ExportGone, SegmentError, find_by_code, take_export


# The code is all that the form is about: a stranger's form could only fetch by their own.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@in_their_language
def fetching(request: HttpRequest) -> HttpResponseBase:
    """Ask for the code, which a script takes from the address, and give the file for it once."""
    if request.method != "POST":
        return _page(request)
    if wait := seconds_to_wait(Throttle.LINK, sender_of(request)):
        text = _("Please wait a while, then try again.")
        response = _page(request, text, HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(wait)
        return response
    # Whoever fills it in by hand pastes the whole link.
    code = request.POST.get("code", "").strip().rpartition("#")[2]
    try:
        export = find_by_code(code)
        take_export(export, actor=Actor.parse(export.actor))
    except ExportGone:
        text = _("This link is unknown, was used, or is too old. Ask for a new one.")
        return _page(request, text, HTTPStatus.GONE)
    except (SegmentError, SegmentFailed):
        text = _("Nobody of this segment is given out just now. The link stays: try again later.")
        return _page(request, text, HTTPStatus.CONFLICT)
    return file_response(export)


def _page(
    request: HttpRequest, fault: str = "", status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    template = "segments/pages/fetching.html"
    return page(request, template, status=status, title=_("A file for you"), fault=fault)
