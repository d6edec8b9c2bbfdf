"""Links of mails that are counted: the reader is led on, and the click becomes an event.

Invariant: whatever is the case with the person, a link that was made here leads on.
"""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from consent.services import awaits_replay
from ingestion.services import accept, batch_of
from profiles.lib import exact_json
from profiles.lib.database import database_now
from profiles.models import TrustLevel
from segments.services import MailLink, find_mail_link, note_click

# By these a program says that it fetches an address before anybody wants to see it.
PREFETCH_HEADERS = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")
_PREFETCHES = ("prefetch", "preview", "prerender")


@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Lead on to where a link leads, and count it. HEAD and fetching ahead are not counted."""
    link = find_mail_link(token)
    if link is None:
        raise Http404
    # A restored backup does not know who withdrew since.
    if request.method == "GET" and not _is_prefetch(request) and not awaits_replay():
        _count(link, is_opted_out=request.headers.get("Sec-GPC") == "1")
    response = HttpResponseRedirect(link.address)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _count(link: MailLink, *, is_opted_out: bool) -> None:
    with transaction.atomic():
        click = note_click(link, now=database_now())
        if click is not None:
            accept(
                batch_of([exact_json.dump_bytes(click.message)]),
                source_id=click.source_id,
                # The address is the one that the mail was sent to.
                trust=TrustLevel.SERVER,
                message_count=1,
                is_opted_out=is_opted_out,
            )


def _is_prefetch(request: HttpRequest) -> bool:
    values = " ".join(request.headers.get(name, "").lower() for name in PREFETCH_HEADERS)
    return any(word in values for word in _PREFETCHES)
