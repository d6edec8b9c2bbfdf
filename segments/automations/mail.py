"""Sending the mails of automations, each at most once.

A worker claims a mail and commits that before anything leaves, asks the gate once more, and hands
the mail over. Killed in between it leaves the mail as being sent: nobody knows whether it left, so
after some time it is shown as such, and not sent again.

Invariant: no mail is handed over twice, and none without the permission of that instant.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction

from consent.services import ONE_CLICK, may_process, unsubscribe_links
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import Profile
from segments.automations import checkpoints, sql
from segments.automations.clicks import leading
from segments.automations.facts import address_of
from segments.automations.live import read_program
from segments.automations.nodes import Mail
from segments.codes.giving import codes_of
from segments.lib.people_by_key import person_of
from segments.mail.compose import Letter, letter_for, values_of, with_link
from segments.mail.fields import filled
from segments.mail.life import version_of
from segments.models import AutomationDecision, AutomationVersion

# Longer than handing over takes at most.
HANDING_OVER = timedelta(minutes=10)
AT_ONCE = 500
MOST_LATER = timedelta(hours=1)
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
    """Take the next mail that may leave now. One whose domain has had enough waits, and is late."""
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.LOCK_MAIL)
            row = cursor.fetchone()
            if row is None:
                return None
            rows = AutomationDecision.objects.select_related("run__automation__purpose")
            decision = rows.get(pk=row[0])
            if not (seconds := _seconds_to_wait(decision)):
                decision.mail_state, decision.claimed_at = MailState.SENDING, database_now()
                decision.save(update_fields=["mail_state", "claimed_at"])
                return decision
            decision.mail_due_at = _later(decision, seconds)
            decision.save(update_fields=["mail_due_at"])


def _later(decision: AutomationDecision, seconds: int) -> datetime:
    """Return when a mail that has to wait is looked at again.

    What waited long may wait that long again: a hundred thousand mails to one domain are not looked
    at each minute, and do not stand before those to others.
    """
    now = database_now()
    waited = min(now - decision.decided_at, MOST_LATER)
    spread = random.random() * max(waited, timedelta())  # noqa: S311  # no secret
    return now + timedelta(seconds=seconds) + spread


def _seconds_to_wait(decision: AutomationDecision) -> int:
    person = person_of(decision.run.key)
    address = address_of(person) if person else None
    return 0 if address is None else seconds_to_wait(Throttle.MAIL, address.rpartition("@")[2])


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
    outgoing = _outgoing(step, decision, person, _way_out(purpose, address))
    if outgoing is None:
        return MailState.WITHHELD
    # By the purpose a complaint that names this id withdraws the right one.
    mail = _mail(outgoing, address, message_id=f"{decision.message}.{purpose}")
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


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """What leaves, and the way out beside it."""

    letter: Letter
    link: str


def _way_out(purpose: str, address: str) -> str:
    """Return the address at which a person receives no more mails of a purpose."""
    (link,) = unsubscribe_links(purpose, [f"email:{address}"])
    return link or ""


def _outgoing(
    step: Mail, decision: AutomationDecision, person: Profile, link: str
) -> _Outgoing | None:
    """Return the mail of a step for one person; None where its template is gone."""
    run = decision.run
    values = values_of(person.traits, link=link, codes=codes_of(person.pk))
    if not step.template:
        words = step.texts.get(values.language, step.texts["en"])
        text = with_link(filled(words.text, values), values)
        return _Outgoing(Letter(filled(words.subject, values), "", text), link)
    published = AutomationVersion.objects.filter(automation=run.automation_id, number=run.version)
    numbers = published.values_list("templates", flat=True).first() or {}
    version = version_of(step.template, numbers.get(step.template))
    if version is None:
        return None
    lead = leading(step.template, person.pk, decision.message, database_now())
    return _Outgoing(letter_for(version.texts, version.markup, values, lead=lead), link)


def _mail(outgoing: _Outgoing, address: str, *, message_id: str) -> EmailMultiAlternatives:
    """Return a mail with the headers of one click (RFC 8058)."""
    letter = outgoing.letter
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    headers = {"Message-ID": f"<{message_id}@{domain}>"}
    if outgoing.link:
        headers |= {"List-Unsubscribe": f"<{outgoing.link}>", "List-Unsubscribe-Post": ONE_CLICK}
    mail = EmailMultiAlternatives(letter.subject, letter.text, to=[address], headers=headers)
    if letter.html:
        mail.attach_alternative(letter.html, "text/html")
    return mail
