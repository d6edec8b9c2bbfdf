"""Clicks on links of mails: counted for whom permits the purpose that the template names for it.

Invariant: whether it is counted is asked at the click, however the mail was sent. Of each mail each
link is counted once, since its event has the same id whenever it is clicked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from consent.models import Purpose
from consent.services import may_process
from profiles.models import Source
from segments.automations.facts import address_of
from segments.automations.live import read_program
from segments.automations.nodes import Mail
from segments.lib.people_by_key import person_of
from segments.mail.life import CLICKS_SOURCE
from segments.mail.links import Lead, MailLink, counting_address
from segments.models import AutomationDecision, MailTemplate

CLICKED = "Email Link Clicked"


@dataclass(frozen=True, slots=True)
class Click:
    """A click that counts, as a message of a source."""

    source_id: int
    message: dict[str, Any]


def click_purpose_of(template: str) -> Purpose | None:
    """Return the purpose for which clicks on a template's links are counted now, if any."""
    row = MailTemplate.objects.filter(key=template).select_related("click_purpose").first()
    return row.click_purpose if row else None


def leading(template: str, profile_id: int, message: UUID, now: datetime) -> Lead | None:
    """Return over which addresses the links of a mail to somebody lead; None for plain ones."""
    purpose = click_purpose_of(template)
    if purpose is None or not may_process(profile_id, purpose.key, at=now):
        return None
    return lambda address: counting_address(MailLink(message, address))


def note_click(link: MailLink, *, now: datetime) -> Click | None:
    """Note that a link was clicked; return what the intake is told, None where it is not counted.

    In the caller's transaction.
    """
    decisions = AutomationDecision.objects.select_related("run__automation")
    decision = decisions.filter(message=link.message).first()
    if decision is None:
        # The person was erased since, or the automation deleted.
        return None
    program = read_program(decision.run.automation_id, decision.run.version)
    step = program.steps.get(decision.step) if program else None
    person = person_of(decision.run.key)
    template = step.template if isinstance(step, Mail) else ""
    purpose = click_purpose_of(template)
    address = address_of(person) if person else None
    source_id = Source.objects.filter(key=CLICKS_SOURCE).values_list("pk", flat=True).first()
    if person is None or address is None or purpose is None or source_id is None:
        return None
    if not may_process(person.pk, purpose.key, at=now):
        return None
    AutomationDecision.objects.filter(pk=decision.pk, clicked_at=None).update(clicked_at=now)
    properties = {
        "campaign": decision.run.automation.key,
        "template": template,
        "link": link.address,
    }
    return Click(source_id, _message(link, decision.run.key, address, properties, now))


def _message(
    link: MailLink, key: UUID, address: str, properties: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    who = {"id": address, "type": "email", "collection": "users", "encoding": "none"}
    return {
        "type": "track",
        "messageId": f"click-{uuid5(link.message, link.address)}",
        "event": CLICKED,
        "timestamp": now.isoformat(),
        # Every message names somebody by one of the two; the address says who it is.
        "anonymousId": str(uuid5(key, CLICKS_SOURCE)),
        "properties": properties,
        "context": {"library": {"name": "mail"}, "externalIds": [who]},
    }
