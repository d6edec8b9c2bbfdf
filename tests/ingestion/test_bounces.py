"""Mail that comes back: which addresses get no more, and what complaints withdraw."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.bounces.addresses import MOST_SOFT_DAYS
from consent.models import BouncedAddress, Purpose
from consent.services import (
    NewRequest,
    act_on_requests,
    is_blocked,
    lift_block,
    may_process,
    note_bounce,
    open_request,
)
from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.presets import load_preset
from ingestion.services import drain_inbox, register_hook
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import AuditEntry
from segments.models import AutomationDecision
from segments.services import advance, send_mails
from tests.admin import sign_in
from tests.factories import TESTER, profile_of
from tests.ingestion.hook_signatures import (
    AT,
    TOPIC,
    body_of_mailgun,
    body_of_sns,
    secret_of,
    sign_for_sendgrid,
)
from tests.segments.flows import MAIL, decided, do, pass_time, publish

pytestmark = pytest.mark.django_db
ADA = "ada@example.org"
DAY = timedelta(days=1)


def hook_of(tool: str) -> str:
    source, token = register_hook(tool, preset=tool, secret=secret_of(tool), actor=TESTER)
    return f"/hooks/{source.key}/{token}/"


def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    response = Client().post(url, body, content_type="application/json", headers=headers or {})
    return response.status_code


def sendgrid(url: str, *events: Any) -> int:
    body = json.dumps([{"email": ADA, "sg_event_id": "e1", **each} for each in events]).encode()
    return post(url, body, sign_for_sendgrid(body, timezone.now()))


def seconds(**ago: float) -> int:
    return int((timezone.now() - timedelta(**ago)).timestamp())


def test_a_hard_bounce_blocks_the_address_and_a_soft_one_does_not() -> None:
    publish(MAIL, {"type": "wait", "for": {"days": 1}}, MAIL)
    do("Signed Up")
    pass_time()
    url = hook_of("sendgrid")
    assert sendgrid(url, {"event": "bounce", "type": "blocked", "timestamp": seconds()}) == 200
    assert not is_blocked(ADA)
    assert sendgrid(url, {"event": "bounce", "type": "bounce", "timestamp": seconds()}) == 200
    assert is_blocked(ADA.upper())
    pass_time(days=2)
    assert decided()[-1] == ("mail", "no_address")
    assert len(mail.outbox) == 1
    assert ADA.encode() not in b"".join(bytes(row.digest) for row in BouncedAddress.objects.all())


def test_a_bounce_between_decision_and_sending_withholds_the_mail() -> None:
    publish(MAIL)
    do("Signed Up")
    advance()
    note_bounce(ADA, is_hard=True, at=timezone.now())
    send_mails()
    assert AutomationDecision.objects.get().mail_state == "withheld"
    assert mail.outbox == []


def test_mail_that_comes_back_for_now_on_five_days_blocks_it_too() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for day in range(4):
        for hour in range(3):
            note_bounce(ADA, is_hard=False, at=at + day * DAY + timedelta(hours=hour))
    assert not is_blocked(ADA)
    assert BouncedAddress.objects.get().soft_days == 4
    note_bounce(ADA, is_hard=False, at=at + 4 * DAY)
    assert is_blocked(ADA)


def test_what_is_lifted_stays_lifted_until_mail_comes_back_anew() -> None:
    now = timezone.now()
    note_bounce(ADA, is_hard=True, at=now - DAY)
    lift_block(BouncedAddress.objects.get(), reason="they wrote to us", actor=TESTER)
    note_bounce(ADA, is_hard=True, at=now - DAY)
    assert not is_blocked(ADA)
    note_bounce(ADA, is_hard=True, at=now + DAY)
    assert is_blocked(ADA)


def test_a_complaint_withdraws_the_purpose_of_the_mail() -> None:
    publish(MAIL)
    do("Signed Up")
    pass_time()
    person, purpose = profile_of("user_id:ada"), Purpose.objects.get(key="service")
    assert may_process(person.pk, purpose.key, at=timezone.now())
    message_id = mail.outbox[0].extra_headers["Message-ID"]
    event = {"event": "spamreport", "smtp-id": message_id, "timestamp": seconds()}
    assert sendgrid(hook_of("sendgrid"), event) == 200
    drain_inbox()
    assert not may_process(person.pk, purpose.key, at=timezone.now() + DAY)


def test_postmark_is_known_by_its_password() -> None:
    url = hook_of("postmark")
    body = json.dumps(
        {"RecordType": "Bounce", "ID": 1, "Type": "HardBounce", "Email": ADA}
        | {"BouncedAt": timezone.now().isoformat()}
    ).encode()
    for password, status in (("user:wrong", 401), ("user:password", 200)):
        header = "Basic " + base64.b64encode(password.encode()).decode()
        assert post(url, body, {"Authorization": header}) == status
    assert post(url, body) == 401
    assert is_blocked(ADA)


def test_mailgun_is_refused_once_its_time_is_over() -> None:
    check, secret = load_preset("mailgun").check, secret_of("mailgun")
    check(Delivery(body_of_mailgun(AT), {}), secret, AT)
    with pytest.raises(BadSignature):
        check(Delivery(body_of_mailgun(AT - timedelta(hours=1)), {}), secret, AT)


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses_says_by_sns_what_came_back(version: str) -> None:
    bounce = {
        "bounceType": "Permanent",
        "bouncedRecipients": [{"emailAddress": ADA}],
        "timestamp": timezone.now().isoformat(),
        "feedbackId": "f1",
    }
    message = json.dumps({"notificationType": "Bounce", "bounce": bounce})
    url, body = hook_of("ses"), body_of_sns(timezone.now(), message, version)
    assert post(url, body.replace(b"Permanent", b"Transient")) == 401
    assert post(url, body.replace(TOPIC.encode(), TOPIC.encode() + b"2")) == 401
    assert post(url, body) == 200
    assert is_blocked(ADA)


def test_ses_is_refused_for_another_topic() -> None:
    check, now = load_preset("ses").check, AT
    secret = secret_of("ses").replace(TOPIC, TOPIC + "2")
    with pytest.raises(BadSignature):
        check(Delivery(body_of_sns(now), {}), secret, now)


@pytest.mark.parametrize("body", [b"[]", b"3", b"[3]", b'[{"event": 3}]', b'{"a": []}'])
def test_what_no_provider_sends_is_answered(body: bytes) -> None:
    url = hook_of("sendgrid")
    assert post(url, body, sign_for_sendgrid(body, timezone.now())) in (200, 400)
    for tool in ("mailgun", "ses", "postmark"):
        assert post(hook_of(tool), body) == 401


def test_staff_see_what_came_back_and_lift_it_with_a_reason() -> None:
    do("Looked")
    note_bounce(ADA, is_hard=True, at=timezone.now())
    row, client = BouncedAddress.objects.get(), sign_in()
    page = reverse("admin:profiles_profile_change", args=[profile_of("user_id:ada").pk])
    lift = reverse("admin:consent_bouncedaddress_lift", args=[row.pk])
    assert lift in client.get(page).content.decode()
    assert client.post(lift, {"reason": ""}).status_code == 200
    assert is_blocked(ADA)
    assert client.post(lift, {"reason": "they wrote to us"}).status_code == 302
    assert not is_blocked(ADA)
    assert AuditEntry.objects.get(verb="bounced_address.lifted")


def test_an_erasure_forgets_what_came_back() -> None:
    do("Looked")
    note_bounce(ADA, is_hard=True, at=timezone.now())
    request = NewRequest(kind="erasure", references=("user_id:ada",))
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    assert not BouncedAddress.objects.exists()


def test_a_domain_that_has_enough_gets_the_rest_later(settings: Any) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "mail": "2/hour"}
    publish(MAIL)
    for user in ("a", "b", "c"):
        do("Signed Up", user)
    while not seconds_to_wait(Throttle.MAIL, "example.org"):
        pass
    pass_time()
    assert mail.outbox == []
    waiting = AutomationDecision.objects.filter(mail_state="pending")
    assert waiting.filter(mail_due_at__gt=timezone.now()).count() == 3
    settings.THROTTLES = {**settings.THROTTLES, "mail": ""}
    waiting.update(mail_due_at=timezone.now())
    pass_time()
    assert len(mail.outbox) == 3


def test_what_came_back_long_ago_says_nothing_of_today() -> None:
    first = timezone.now() - timedelta(days=400)
    for number in range(MOST_SOFT_DAYS * 2):
        at = first + timedelta(days=31 * number)
        note_bounce("ada@example.org", is_hard=False, at=at)
    assert BouncedAddress.objects.get().soft_days == 1
    assert not is_blocked("ada@example.org")
    for number in range(1, MOST_SOFT_DAYS):
        note_bounce("ada@example.org", is_hard=False, at=at + timedelta(days=30 * number))
    assert is_blocked("ada@example.org")
