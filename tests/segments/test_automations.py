"""Automations: what starts them, their steps, and what leaves the store by them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from consent.services import (
    NewRequest,
    act_on_requests,
    find_subscription,
    may_process,
    open_request,
    unsubscribe,
    unsubscribe_links,
)
from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import handled
from profiles.models import DecisionVerdict, Identifier, Profile
from profiles.services import NewDecision, decide
from segments.automations import checkpoints
from segments.models import AutomationDecision, AutomationRun, Delivery, ListedPerson
from segments.services import (
    add_people,
    advance,
    archive_automation,
    create_list,
    deliver,
    pause_automation,
    publish_automation,
    refresh_changed,
    resume_automation,
    send_mails,
    update_automation,
)
from tests.factories import TESTER, profile_of
from tests.receivers import Receiver
from tests.segments.flows import (
    MAIL,
    SIGNED_UP,
    decided,
    do,
    pass_time,
    publish,
    states,
    subjects,
)
from tests.segments.listening import listen, live_in

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The end of a worker."""


def kill(subject: object) -> None:
    raise Killed


def test_a_live_event_starts_a_run_that_goes_step_by_step() -> None:
    publish(MAIL, {"type": "wait", "for": {"days": 3}}, MAIL)
    do("Signed Up")
    pass_time()
    assert (subjects(), states()) == (["Hello Ada"], [("active", "")])
    pass_time(days=2.9)
    assert len(mail.outbox) == 1
    pass_time(days=3.1)
    assert subjects() == ["Hello Ada"] * 2
    assert states() == [("done", "")]
    assert decided() == [("mail", "acted"), ("wait", "passed"), ("mail", "acted")]


def test_old_events_and_others_start_nothing() -> None:
    publish(
        MAIL,
        trigger=SIGNED_UP
        | {"where": {"type": "property", "key": "plan", "operator": "equals", "value": "gold"}},
    )
    do("Signed Up", plan="tin")
    do("Looked", plan="gold")
    do("Signed Up", plan="gold", at=timezone.now() - timedelta(hours=25))
    assert states() == []
    do("Signed Up", plan="gold")
    assert states() == [("active", "")]


def test_nobody_comes_again_unless_the_rule_lets_them() -> None:
    publish(key="once")
    publish(key="always", again="always")
    for _ in range(2):
        do("Signed Up")
        pass_time()
    counts = {
        key: AutomationRun.objects.filter(automation__key=key).count() for key in ("once", "always")
    }
    assert counts == {"once": 1, "always": 2}


def test_a_mail_says_how_to_end_it_and_is_in_the_persons_language() -> None:
    publish(MAIL)
    do("Signed Up")
    pass_time()
    (message,) = mail.outbox
    link = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in message.body
    assert str(AutomationDecision.objects.get().message) in message.extra_headers["Message-ID"]
    subscription = find_subscription(link.rstrip("/").rpartition("/")[2])
    assert subscription is not None
    unsubscribe(subscription, place="one click")
    assert not may_process(profile_of("user_id:ada").pk, "service", at=timezone.now())


def test_a_withdrawal_between_decision_and_sending_keeps_the_mail_back() -> None:
    publish(MAIL)
    do("Signed Up")
    advance()
    assert AutomationDecision.objects.get().mail_state == "pending"
    unsubscribe_ada()
    send_mails()
    assert AutomationDecision.objects.get().mail_state == "withheld"
    assert mail.outbox == []


def unsubscribe_ada() -> None:
    (link,) = unsubscribe_links("service", ["email:ada@example.org"])
    subscription = find_subscription(str(link).rstrip("/").rpartition("/")[2])
    assert subscription is not None
    unsubscribe(subscription, place="page")


def test_killed_on_the_way_a_mail_is_not_sent_again_and_is_shown_as_unknown() -> None:
    publish(MAIL)
    do("Signed Up")
    advance()
    with handled(checkpoints.MAIL_CLAIMED, kill), pytest.raises(Killed):
        send_mails()
    send_mails()
    assert mail.outbox == []
    rows = AutomationDecision.objects.filter(mail_state="sending")
    assert rows.update(claimed_at=timezone.now() - timedelta(minutes=11)) == 1
    send_mails()
    assert (AutomationDecision.objects.get().mail_state, mail.outbox) == ("unknown", [])


def test_the_goal_ends_a_run_at_once() -> None:
    publish({"type": "wait", "for": {"days": 3}}, MAIL, goal={"name": "Bought"})
    do("Signed Up")
    advance()
    do("Bought")
    advance()
    assert (states(), subjects()) == ([("goal", "")], [])


def test_an_event_of_another_basket_is_not_waited_for() -> None:
    wait = {
        "type": "wait_event",
        "event": {"name": "Bought"},
        "same": "cart_id",
        "at_most": {"days": 3},
    }
    publish({**wait, "else": [MAIL]})
    for user, bought in (("ada", "c-1"), ("bob", "c-2")):
        do("Signed Up", user, cart_id="c-1")
        advance()
        do("Bought", user, cart_id=bought)
    pass_time(days=3, hours=1)
    assert [message.to for message in mail.outbox] == [["bob@example.org"]]


def test_messages_above_the_cap_are_left_out_of_all_automations() -> None:
    for number in range(3):
        publish(MAIL, key=f"flow-{number}", cap={"most": 2, "days": 7})
    do("Signed Up")
    pass_time()
    assert len(mail.outbox) == 2
    assert sorted(decided()) == [("mail", "acted"), ("mail", "acted"), ("mail", "capped")]


def test_quiet_hours_keep_a_message_until_they_are_over() -> None:
    now = timezone.localtime()
    hours = {
        "from": f"{now - timedelta(hours=1):%H:%M}",
        "until": f"{now + timedelta(hours=2):%H:%M}",
    }
    publish(MAIL, quiet=hours)
    do("Signed Up")
    pass_time(minutes=30)
    assert mail.outbox == []
    pass_time(hours=3)
    assert len(mail.outbox) == 1


def test_a_list_starts_those_who_are_put_on_it_and_an_automation_starts_nobody() -> None:
    guests = create_list(key="guests", name="Guests", actor=TESTER)
    publish({"type": "add_to_list", "list": "guests"}, key="first")
    publish(MAIL, trigger={"type": "list", "list": "guests"}, key="second")
    do("Signed Up")
    advance()
    refresh_changed()
    assert ListedPerson.objects.count() == 1
    assert AutomationRun.objects.filter(automation__key="second").count() == 0
    do("Looked", "bob")
    add_people(guests, ["user_id:bob"], actor=TESTER)
    refresh_changed()
    pass_time()
    assert [message.to for message in mail.outbox] == [["bob@example.org"]]


def test_an_entry_that_an_import_or_a_definition_caused_starts_nobody(lyon: Any) -> None:
    publish(MAIL, trigger={"type": "enters", "segment": "lyon"})
    live_in("Lyon", "ada")
    refresh_changed()
    assert AutomationRun.objects.count() == 1
    live_in("Rome", "bob")
    refresh_changed()
    profile = profile_of("user_id:bob")
    profile.traits["city"] = "Lyon"
    profile.save()
    mark_changed([profile.pk])
    refresh_changed()
    assert AutomationRun.objects.count() == 1


def test_of_two_runs_of_merged_people_the_further_one_stays() -> None:
    publish({"type": "wait", "for": {"hours": 1}}, {"type": "wait", "for": {"days": 9}}, MAIL)
    do("Signed Up", "ada")
    pass_time()
    pass_time(hours=2)
    do("Signed Up", "bob")
    pass_time()
    ada, bob = (
        Identifier.objects.get(namespace="user_id", value=value) for value in ("ada", "bob")
    )
    decide(NewDecision(DecisionVerdict.SAME, ada, bob, "seen by a steward"), actor=TESTER)
    refresh_changed()
    pass_time(days=1)
    assert sorted(states()) == [("active", ""), ("left", "merge")]
    assert AutomationRun.objects.get(state="active").step == "steps[1]"


def test_a_pause_keeps_people_where_they_are_and_an_archive_ends_them() -> None:
    row = publish({"type": "wait", "for": {"hours": 1}}, MAIL)
    do("Signed Up")
    advance()
    pause_automation(row, actor=TESTER)
    pass_time(hours=2)
    do("Signed Up", "bob")
    assert (states(), mail.outbox) == ([("active", "")], [])
    resume_automation(row, actor=TESTER)
    pass_time(hours=2)
    assert len(mail.outbox) == 1
    do("Signed Up", "eve")
    archive_automation(row, actor=TESTER)
    assert states() == [("done", ""), ("left", "stopped")]


def test_an_erasure_leaves_no_run_and_nothing_that_waits() -> None:
    publish({"type": "wait", "for": {"hours": 1}}, MAIL)
    do("Signed Up")
    pass_time()
    references = ("user_id:ada",)
    open_request(NewRequest(kind="erasure", references=references), door="service", actor=TESTER)
    act_on_requests()
    assert not Profile.objects.filter(traits__first_name="Ada").exists()
    assert AutomationRun.objects.count() == AutomationDecision.objects.count() == 0


def test_people_stay_on_their_version_or_move() -> None:
    row = publish({"type": "wait", "for": {"days": 3}}, MAIL)
    do("Signed Up", "ada")
    do("Signed Up", "bob")
    advance()
    definition = {**row.definition, "steps": [{"type": "wait", "for": {"hours": 1}}]}
    row = update_automation(row, actor=TESTER, changes={"definition": definition})
    publish_automation(row, actor=TESTER)
    pass_time(hours=2)
    assert states() == [("active", "")] * 2
    publish_automation(row, moves_people=True, actor=TESTER)
    pass_time(hours=2)
    assert (states(), mail.outbox) == ([("done", "")] * 2, [])


def test_a_call_has_the_id_of_its_decision_and_asks_the_gate(receiver: Receiver) -> None:
    webhook = listen(receiver, events=["automation.reached"])
    publish({"type": "webhook", "webhook": str(webhook.pk)})
    do("Signed Up", "ada")
    do("Signed Up", "bob")
    advance()
    unsubscribe_ada()
    deliver()
    (call,) = receiver.taken
    profile = profile_of("user_id:bob")
    assert call.body["data"] == {
        "profile": str(profile.uuid),
        "automation": "flow",
        "step": "steps[0]",
        "purpose": "service",
    }
    decision = AutomationDecision.objects.get(run__key=profile.uuid)
    assert call.id == f"msg_{decision.message.hex}"
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered", "withheld"}


def test_an_idle_look_is_one_query_about_runs(django_assert_max_num_queries: Any) -> None:
    publish({"type": "wait", "for": {"days": 3}}, MAIL)
    do("Signed Up")
    advance()
    # The clock, the people lock, the runs, and the transaction around them.
    with django_assert_max_num_queries(5):
        assert advance() == 0
