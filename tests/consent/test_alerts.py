"""Alerts before deadlines: each request and threshold once, to the owner or to the officers."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from consent.lib import checkpoints
from consent.models import PrivacyRequest
from consent.services import assign_request, count_due, tell_of_deadlines
from profiles.lib.checkpoints import handled
from tests.admin import sign_in
from tests.factories import TESTER

pytestmark = pytest.mark.django_db
_numbers = count(1)


def due_in(days: int, status: str = "verified") -> PrivacyRequest:
    now = timezone.now()
    return PrivacyRequest.objects.create(
        kind="access",
        status=status,
        door="staff",
        requested_by=str(TESTER),
        received_at=now,
        due_at=now + timedelta(days=days),
    )


def officer(email: str) -> User:
    user = User.objects.create_user(f"officer-{next(_numbers)}", email=email, is_staff=True)
    user.groups.add(Group.objects.get(name="privacy officer"))
    return user


def tell(in_days: int = 0) -> int:
    return tell_of_deadlines(now=timezone.now() + timedelta(days=in_days))


def test_each_threshold_is_told_once() -> None:
    officer("zoe@example.org")
    due_in(12)
    told = [(day, tell(day)) for day in range(14) for _ in range(2)]
    assert [day for day, number in told if number] == [2, 9]
    assert [message.to for message in mail.outbox] == [["zoe@example.org"]] * 2
    assert "1 privacy request is due soon" in mail.outbox[0].subject
    assert "10 days left" in mail.outbox[0].body


def test_the_owner_is_told_and_without_one_all_officers_in_one_mail_each() -> None:
    owner = officer("owner@example.org")
    officer("zoe@example.org")
    assign_request(due_in(3), owner, actor=TESTER)
    due_in(2)
    due_in(9)
    due_in(1, status="done")
    due_in(11)
    assert tell() == 3
    bodies = {message.to[0]: message.body.count("/change/") for message in mail.outbox}
    assert len(mail.outbox) == 3
    assert bodies["zoe@example.org"] == 2
    own = [message for message in mail.outbox if message.to == ["owner@example.org"]]
    assert sorted(message.body.count("/change/") for message in own) == [1, 2]


def test_a_worker_that_is_killed_while_it_tells_tells_again() -> None:
    officer("zoe@example.org")
    due_in(3)

    def kill(_: object) -> None:
        raise KeyboardInterrupt

    with handled(checkpoints.TOLD_OF_DEADLINES, kill), pytest.raises(KeyboardInterrupt):
        tell()
    assert [tell(), tell()] == [1, 0]


def test_a_mail_server_that_is_down_loses_nothing(settings: Any) -> None:
    officer("zoe@example.org")
    due_in(3)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # type: ignore[attr-defined]
    assert tell() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert tell() == 1


def test_home_and_the_menu_say_what_is_due() -> None:
    for days in (-1, 0, 3, 4, 10, 11):
        due_in(days)
    assert count_due(timezone.now()) == (1, 2, 2)
    page = sign_in("privacy officer").get(reverse("admin:index")).content.decode()
    assert "1 overdue, 2 due in 3 days, 2 due in 10 days." in page
    marketer = sign_in("marketer").get(reverse("admin:index")).content.decode()
    assert "due in 3 days" not in marketer
