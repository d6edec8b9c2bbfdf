"""Parts of the admin's pages, which htmx asks for one by one.

Invariant: a page that asks somebody to log in is shown as a page, never inside of another one.
"""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse


def log_in_on_a_whole_page(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a part that needs a login takes the tab there, and back to its page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "HX-Request" not in request.headers or response.status_code != 302:
            return response
        step = urlsplit(response["Location"]).path
        if step not in (reverse("admin:login"), reverse("second-factor")):
            return response
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = page.path + (f"?{page.query}" if page.query else "")
        # htmx reads this header, which a redirect would hide from it.
        return HttpResponse(
            headers={"HX-Redirect": f"{step}?{urlencode({'next': back or reverse('admin:index')})}"}
        )

    return middleware
