"""The page of a link to unsubscribe, and the one click by which mail programs follow it.

Invariant: a GET changes nothing, since programs that look through mail follow every link.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent import services
from consent.pages.kit import in_their_language, page


# Without a token against forged forms: a mail program sends the form, and the link is a secret.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@in_their_language
def unsubscribing(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to unsubscribe, and do it: by the page's button or by RFC 8058's one click."""
    subscription = services.find_subscription(token)
    if subscription is None:
        fault = _("This link is unknown. Copy it whole from the mail, or ask for a link below.")
        title, status = _("Unknown link"), HTTPStatus.NOT_FOUND
        return page(
            request, "consent/pages/unsubscribe.html", status=status, title=title, fault=fault
        )
    is_done = request.method == "POST"
    if is_done:
        is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        services.unsubscribe(subscription, place="one click" if is_one_click else "page")
    terms = subscription.purpose.versions.order_by("-number")[0]
    title = _("Unsubscribe")
    return page(
        request, "consent/pages/unsubscribe.html", title=title, purpose=terms.title, is_done=is_done
    )
