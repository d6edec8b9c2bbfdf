"""Killing workers with -9 while they tell webhooks and destinations, walk automations, send mails.

Afterwards each transition was told once under its id and in order, the tool has exactly who is to
be there, and nobody got a mail twice.
"""

import os
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from profiles.lib.database import database_now
from segments.activation import checkpoints as telling
from segments.automations import checkpoints as walking
from segments.models import AutomationDecision, AutomationRun, Delivery, WebhookEvent
from segments.services import (
    advance,
    create_list,
    deliver,
    derive_told,
    refresh_changed,
    send_mails,
)
from tests.factories import TESTER, make_purpose, profile_of, send_messages
from tests.receivers import Receiver
from tests.segments.flows import ALWAYS_PERMITTED, MAIL, do, publish
from tests.segments.listening import consent, listen, settle, try_at_once
from tests.segments.sending import call_at_once, to_people
from tests.system.concurrency import die_at
from tests.tools import People

pytestmark = pytest.mark.usefixtures("committing_db")
NAMES = [f"p{number}" for number in range(10)]
# How many times longer than usual workers are killed.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
TOLD = (telling.CLAIMED, telling.GATE_READ, telling.ANSWERED)
WALKED = (walking.CLAIMED, walking.DECIDED)
MAILED = (walking.MAIL_CLAIMED, walking.MAIL_SENT)
LATER = {
    "type": "mail",
    "texts": {"en": {"subject": "Still there?", "text": "Well?\n"}},
}


def tell() -> None:
    derive_told()
    deliver()


def end_leases() -> None:
    """Let what a dead worker held be taken, as time would."""
    Delivery.objects.filter(lease__isnull=False).update(leased_until=database_now())


def is_waiting() -> bool:
    return Delivery.objects.filter(state="pending").exists()


def test_each_transition_is_told_once_and_in_order_whoever_is_killed(
    receiver: Receiver, people: People, lyon: Any
) -> None:
    rng = random.Random(20)
    webhook = listen(receiver, lyon)
    destination = to_people(people, lyon, settings={"batch": "3"})
    cities, permits = dict.fromkeys(NAMES, "Rome"), dict.fromkeys(NAMES, False)
    for name in NAMES:
        send_messages({"userId": name, "traits": {"city": "Rome", "email": f"{name}@example.org"}})
    for _ in range(8 * ROUNDS):
        # Somebody enters in each round, so that there is something to tell.
        entering = rng.choice(NAMES)
        for name in {*rng.sample(NAMES, 4), entering}:
            cities[name] = "Lyon" if name == entering else rng.choice(["Lyon", "Rome"])
            permits[name] = name == entering or rng.random() < 0.7
            send_messages({"userId": name, "traits": {"city": cities[name], "n": rng.random()}})
            consent("given" if permits[name] else "withdrawn", reference=f"user_id:{name}")
        refresh_changed()
        derive_told()
        if is_waiting():
            die_at(rng.choice(TOLD), tell)
        end_leases()
        if rng.random() < 0.3:
            settle()
    while is_waiting():
        end_leases()
        try_at_once(webhook)
        call_at_once(destination)
        settle()
    inside = {name for name in NAMES if cities[name] == "Lyon" and permits[name]}
    assert set(people.people) == {f"{name}@example.org" for name in inside}
    _assert_told(receiver, inside)


def _assert_told(receiver: Receiver, inside: set[str]) -> None:
    """That each id came with one body, and what is said of each person is in order and right."""
    bodies = {call.id: call.body for call in receiver.taken}
    assert all(call.body == bodies[call.id] for call in receiver.taken)
    rows = Delivery.objects.filter(webhook__destination=None).order_by("pk")
    arrived, written = _by_person(bodies.values()), _by_person(row.body for row in rows)
    told = _by_person(row.body for row in rows if row.state == "delivered")
    assert arrived == told
    entered, exited = str(WebhookEvent.SEGMENT_ENTERED), str(WebhookEvent.SEGMENT_EXITED)
    assert {row.state for row in rows} <= {"delivered", "withheld"}
    # An entry is withheld where its permission had ended; then nobody is told to be there.
    assert {row.event for row in rows if row.state == "withheld"} <= {entered}
    for name in NAMES:
        events = written.get(str(profile_of(f"user_id:{name}").uuid), [])
        assert events == [entered, exited] * (len(events) // 2) + [entered] * (name in inside)


def _by_person(bodies: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The events of each person, in the order in which they are said."""
    events: dict[str, list[str]] = {}
    for body in bodies:
        events.setdefault(body["data"]["profile"], []).append(body["type"])
    return events


def mails_in(folder: Path) -> Counter[tuple[str, str]]:
    """How often each address got each subject."""
    texts = [path.read_text() for path in folder.iterdir()] if folder.exists() else []
    lines = [text.splitlines() for text in texts for text in text.split("\n" + "-" * 79)[:-1]]
    return Counter((_header(mail, "To"), _header(mail, "Subject")) for mail in lines)


def _header(mail: list[str], name: str) -> str:
    return next(line.partition(": ")[2] for line in mail if line.startswith(f"{name}: "))


def test_each_decision_is_taken_once_and_no_mail_is_sent_twice_whoever_is_killed(
    settings: Any, tmp_path: Path, people: People
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mails")
    rng = random.Random(21)
    create_list(key="guests", name="Guests", actor=TESTER)
    purpose = make_purpose("service", now=timezone.now(), legal_basis=ALWAYS_PERMITTED)
    destination = to_people(people, purpose=purpose, settings={"batch": "3"})
    handing = {"type": "destination", "destination": str(destination.pk)}
    steps = [MAIL, {"type": "add_to_list", "list": "guests"}, handing]
    publish(*steps, {"type": "wait", "for": {"hours": 5}}, LATER)
    for name in NAMES * ROUNDS:
        do("Signed Up", name)
    later = timezone.now() + timedelta(hours=6)
    for now in (None, later):
        while AutomationRun.objects.filter(state="active", due_at__lte=now or database_now()):
            die_at(rng.choice(WALKED), partial(advance, now=now))
            advance(now=now, limit=rng.randint(1, 3))
        while AutomationDecision.objects.filter(mail_state="pending").exists():
            die_at(rng.choice(MAILED), send_mails)
            send_mails(limit=rng.randint(0, 3))
    runs = AutomationRun.objects.all()
    assert {run.state for run in runs} == {"done"}
    decisions = Counter(AutomationDecision.objects.values_list("run_id", "step"))
    assert len(decisions) == 5 * len(NAMES)
    assert set(decisions.values()) == {1}
    while Delivery.objects.filter(state="pending").exists() or not people.people:
        refresh_changed()
        die_at(rng.choice(TOLD), tell)
        end_leases()
        call_at_once(destination)
        settle()
    assert set(people.people) == {f"{name}@example.org" for name in NAMES}
    assert Counter(Delivery.objects.values_list("key").distinct()).total() == len(NAMES)
    mails = mails_in(tmp_path / "mails")
    assert set(mails.values()) == {1}
    states = Counter(AutomationDecision.objects.exclude(mail_state="").values_list("mail_state"))
    lost = states[("sending",)]
    assert lost > 0
    # Of a worker that was killed nobody knows whether the mail had left; all others arrived once.
    assert 2 * len(NAMES) - lost <= len(mails) <= 2 * len(NAMES)
