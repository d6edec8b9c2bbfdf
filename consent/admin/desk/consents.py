"""Consent over time in the admin: given and withdrawn a day, what ends soon, texts that lack."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from consent.services import PurposeTrend, consent_trends, lacking_texts
from profiles.admin.kit.base import TesseraAdmin, require
from profiles.admin.kit.flows import Flow, FlowDay, flow_bars

SEE_CONSENTS = "consent.view_privacyrequest"


def consents_page(admin: TesseraAdmin, request: HttpRequest) -> HttpResponse:
    """Show a card for each purpose that rests on consent, and the notices without a text."""
    require(request, SEE_CONSENTS)
    now = timezone.now()
    cards: list[Any] = [(trend, _picture(trend)) for trend in consent_trends(now=now)]
    return admin.page(
        request,
        "admin/consent/consents.html",
        title=gettext("Consent over time"),
        cards=cards,
        lacking=lacking_texts(now=now),
    )


def _picture(trend: PurposeTrend) -> SafeString:
    given, withdrawn = gettext("given"), gettext("withdrawn")
    days = [
        FlowDay(
            f"{day.day:%-d %b}",
            [Flow(0, given, day.given, True), Flow(2, withdrawn, day.withdrawn, False)],
        )
        for day in trend.days
    ]
    words = gettext("Given and withdrawn a day, %(title)s") % {"title": trend.title}
    return flow_bars(days, title=words)
