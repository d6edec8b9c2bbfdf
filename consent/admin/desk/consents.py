"""Consent over time in the admin: given and withdrawn a day, what ends soon, texts that lack."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from consent.services import ConsentDay, PurposeTrend, consent_trends, lacking_texts
from profiles.admin.kit.base import TesseraAdmin, require
from profiles.admin.kit.flows import Flow, FlowDay, flow_bars
from profiles.admin.kit.formatting import short_day

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
    words = gettext("Given and withdrawn a day, %(title)s") % {"title": trend.title}
    days = [FlowDay(short_day(day.day), _flows(day)) for day in trend.days]
    return flow_bars(days, title=words)


def _flows(day: ConsentDay) -> list[Flow]:
    flows = [
        Flow(0, gettext("given"), day.given, True),
        Flow(2, gettext("withdrawn"), day.withdrawn, False),
    ]
    # What did not happen would be drawn as a line.
    return [flow for flow in flows if flow.people]
