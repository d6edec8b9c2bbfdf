"""Sending the mails of automations, each at most once.

A worker claims a mail and commits that before anything leaves, asks the gate once more, and hands
the mail over. Killed in between it leaves the mail as being sent: nobody knows whether it left, so
after some time it is shown as such, and not sent again.

Invariant: no mail is handed over twice, and none without the permission of that instant.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction

from consent.services import ONE_CLICK, may_process, unsubscribe_links
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.automations import checkpoints, sql
from segments.automations.facts import address_of
from segments.automations.fields import filled
from segments.automations.live import read_program
from segments.automations.nodes import Mail, MailText
from segments.automations.people import person_of
from segments.models import AutomationDecision

# Longer than handing over takes at most.
HANDING_OVER = timedelta(minutes=10)
AT_ONCE = 500
MailState = AutomationDecision.MailState
logger = logging.getLogger(__name__)


def send_mails(*, limit: int = AT_ONCE) -> int:
    """Send the mails that wait; return how many were claimed."""
    _give_up()
    count = 0
    while count < limit and (decision := _claim()) is not None:
        reach(checkpoints.MAIL_CLAIMED, decision)
        state = _send(decision)
        reach(checkpoints.MAIL_SENT, decision)
        mine = AutomationDecision.objects.filter(pk=decision.pk, mail_state=MailState.SENDING)
        mine.update(mail_state=state)
        count += 1
    return count


def _give_up() -> None:
    """Say of mails whose worker is gone that nobody knows whether they left."""
    lost = AutomationDecision.objects.filter(
        mail_state=MailState.SENDING, claimed_at__lt=database_now() - HANDING_OVER
    )
    lost.update(mail_state=MailState.UNKNOWN)


def _claim() -> AutomationDecision | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_MAIL)
        row = cursor.fetchone()
    rows = AutomationDecision.objects.select_related("run__automation__purpose")
    return rows.filter(pk=row[0]).first() if row else None


def _send(decision: AutomationDecision) -> str:
    """Hand a mail over; return what came of it."""
    run = decision.run
    program = read_program(run.automation_id, run.version)
    step = program.steps.get(decision.step) if program else None
    person = person_of(run.key)
    address = address_of(person) if person else None
    if person is None or address is None or not isinstance(step, Mail):
        return MailState.WITHHELD
    purpose = run.automation.purpose.key
    mail = compose(step, person, address, purpose, message_id=f"{decision.message}")
    # Last: what was read before may have changed.
    if not may_process(person.pk, purpose, at=database_now()):
        return MailState.WITHHELD
    try:
        mail.send()
    except OSError as error:
        # Also of an answer that got lost, so that it cannot be tried again.
        logger.warning("Mail %s was not taken: %s.", decision.message, type(error).__name__)
        return MailState.UNKNOWN
    return MailState.SENT


def compose(
    step: Mail, person: Profile, address: str, purpose: str, *, message_id: str
) -> EmailMessage:
    """Return the mail of a step for one person, with the headers of one click (RFC 8058)."""
    text = text_for(step, person)
    (link,) = unsubscribe_links(purpose, [f"email:{address}"])
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    body = filled(text.text, person.traits)
    headers = {"Message-ID": f"<{message_id}@{domain}>"}
    if link:
        headers |= {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": ONE_CLICK}
        body = f"{body.rstrip()}\n\n-- \n{link}\n"
    subject = filled(text.subject, person.traits)
    return EmailMessage(subject=subject, body=body, to=[address], headers=headers)


def text_for(step: Mail, person: Profile) -> MailText:
    """Return the words of a mail in the person's language, else in English."""
    language = str(person.traits.get("language") or person.traits.get("locale") or "")
    return step.texts.get(language.partition("-")[0].partition("_")[0].lower(), step.texts["en"])
