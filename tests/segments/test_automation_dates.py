"""Automations by dates, held-out people, and traits that automations state."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from profiles.models import (
    DecisionVerdict,
    Identifier,
    Profile,
    Source,
    SourceRecord,
    TraitDefinition,
    TrustLevel,
)
from profiles.services import NewDecision, decide
from segments.automations.dates import due_by_date
from segments.automations.nodes import DateTrigger
from segments.models import Automation, AutomationRun, Code
from segments.services import (
    add_codes,
    advance,
    create_list,
    create_pool,
    group_numbers,
    people_on,
    refresh_changed,
    start_by_date,
    starts_by_day,
    try_automation,
)
from segments.services import parse_automation as parse
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_profile, profile_of, send_messages
from tests.oracles.dates import starts_on
from tests.segments.flows import ADA, MAIL, decided, do, pass_time, publish, states

pytestmark = pytest.mark.django_db
dates = st.dates(date(1900, 1, 1), date(2090, 12, 31))


@settings(deadline=None)
@given(
    named=dates,
    at=dates,
    days=st.integers(-365, 365),
    width=st.integers(0, 3),
    yearly=st.booleans(),
)
@example(named=date(2000, 2, 29), at=date(2027, 2, 28), days=0, width=1, yearly=True)
@example(named=date(2000, 2, 29), at=date(2028, 2, 28), days=0, width=2, yearly=True)
@example(named=date(1990, 1, 2), at=date(2026, 12, 31), days=-3, width=1, yearly=True)
def test_who_starts_on_a_day_is_found_as_by_going_through_the_calendar(
    named: date, at: date, days: int, width: int, yearly: bool
) -> None:
    Profile.objects.all().delete()
    person = make_profile(traits={"since": named.isoformat()})
    last = at + timedelta(days=width)
    found = due_by_date(DateTrigger("since", days, yearly), at, last)
    window = [at + timedelta(days=more) for more in range(width + 1)]
    expected = [day for day in window if starts_on(named, day, days=days, yearly=yearly)]
    assert [(each.profile_id, each.day) for each in found] == [(person.pk, day) for day in expected]


@pytest.mark.parametrize("value", ["soon", "2026-02-30", 7, True, None, [], {"a": 1}, ""])
def test_what_is_no_date_starts_nobody(value: Any) -> None:
    make_profile(traits={"since": value})
    assert due_by_date(DateTrigger("since", 0, True), date(2026, 1, 1), date(2026, 12, 1)) == []


def birthday(**changes: Any) -> dict[str, Any]:
    return {"type": "date", "trait": "birthday", "yearly": True, **changes}


def born_today(*users: str, days: int = 0) -> None:
    TraitDefinition.objects.get_or_create(key="birthday", defaults={"type": "date"})
    day = (timezone.localdate() + timedelta(days=days)).replace(year=1988).isoformat()
    for user in users:
        traits = {**ADA, "email": f"{user}@example.org", "birthday": day}
        send_messages({"type": "identify", "userId": user, "traits": traits})
    refresh_changed()


def test_a_birthday_starts_once_a_year_however_often_workers_look() -> None:
    born_today("ada")
    publish(MAIL, trigger=birthday(), again="always")
    for _ in range(3):
        start_by_date()
        pass_time()
    assert len(mail.outbox) == 1
    start_by_date(now=timezone.now() + timedelta(days=1))
    assert AutomationRun.objects.count() == 1


def test_three_days_before_a_birthday_is_three_days_before() -> None:
    born_today("ada", days=3)
    born_today("bob")
    publish(trigger=birthday(days=-3))
    start_by_date()
    assert AutomationRun.objects.get().key == profile_of("user_id:ada").uuid


def test_a_day_without_a_worker_is_made_up_for_and_the_time_before_is_not() -> None:
    born_today("ada")
    row = publish(trigger=birthday())
    start_by_date(now=timezone.now() + timedelta(days=1))
    assert AutomationRun.objects.count() == 1
    AutomationRun.objects.all().delete()
    Automation.objects.filter(pk=row.pk).update(live_since=timezone.now() + timedelta(days=1))
    start_by_date(now=timezone.now() + timedelta(days=1))
    assert not AutomationRun.objects.exists()


def test_merged_people_do_not_start_twice_for_one_date() -> None:
    born_today("ada", "bob")
    publish(trigger=birthday(), again="always")
    start_by_date()
    advance()
    assert AutomationRun.objects.count() == 2
    ada, bob = (
        Identifier.objects.get(namespace="user_id", value=value) for value in ("ada", "bob")
    )
    decide(NewDecision(DecisionVerdict.SAME, ada, bob, "seen by a steward"), actor=TESTER)
    start_by_date()
    assert AutomationRun.objects.count() == 2


def test_the_days_of_the_past_are_counted() -> None:
    born_today("ada", "bob", days=-2)
    program = parse({"trigger": birthday(), "steps": []})
    (day,) = starts_by_day(program, days=30, now=timezone.now())
    assert (day.day, day.people) == (timezone.localdate() - timedelta(days=2), 2)


def test_a_trigger_by_what_is_no_date_is_refused_with_the_nearest() -> None:
    born_today("ada")
    with pytest.raises(ValueError, match=r"trigger\.trait: .*Nearest: birthday"):
        publish(trigger=birthday(trait="birthdy"))
    for wrong in ({"days": 400}, {"days": 1.5}, {"yearly": 1}, {"month": 1}):
        with pytest.raises(ValueError, match="trigger"):
            parse({"trigger": birthday(**wrong), "steps": []})


def test_whoever_is_held_out_gets_nothing_and_is_counted() -> None:
    pool = create_pool(key="summer", name="Summer", actor=TESTER)
    add_codes(pool, [f"SUN-{number}" for number in range(60)], actor=TESTER)
    steps = ({"type": "code", "pool": "summer"}, MAIL, {"type": "wait", "for": {"days": 9}})
    row = publish(*steps, hold_out=50, goal={"name": "Order Completed"})
    users: list[str] = []
    # Chance says who is in which group, so people come until somebody is in each.
    while len(set(AutomationRun.objects.values_list("is_held_out", flat=True))) < 2:
        users.append(f"user-{len(users)}")
        do("Signed Up", users[-1])
    held = set(AutomationRun.objects.filter(is_held_out=True).values_list("key", flat=True))
    pass_time()
    treated = len(users) - len(held)
    assert len(mail.outbox) == treated
    assert Code.objects.filter(given_at__isnull=False).count() == treated
    assert decided().count(("mail", "held_out")) == len(held)
    for user in users:
        do("Order Completed", user)
    pass_time(hours=1)
    groups = group_numbers(row)
    assert (groups["treated"].runs, groups["treated"].goal) == (treated, treated)
    assert (groups["held_out"].runs, groups["held_out"].goal) == (len(held), len(held))
    page = sign_in().get(reverse("admin:segments_automation_change", args=[row.pk]))
    assert "Held out to compare" in page.content.decode()
    body = make_client("segments:read", "profiles:read").get(f"/api/v1/automations/{row.key}/")
    assert body.json()["groups"]["held_out"]["runs"] == len(held)


def test_the_same_people_are_held_out_whenever_they_come() -> None:
    publish(hold_out=50, again="always")
    for _ in range(2):
        for number in range(8):
            do("Signed Up", f"user-{number}")
        pass_time()
    groups: dict[Any, set[bool]] = {}
    for key, is_held_out in AutomationRun.objects.values_list("key", "is_held_out"):
        groups.setdefault(key, set()).add(is_held_out)
    assert AutomationRun.objects.count() == 16
    assert all(len(each) == 1 for each in groups.values())


def test_an_automation_states_a_trait_as_a_source_of_its_own() -> None:
    publish(
        {"type": "set_trait", "key": "journey", "value": "welcomed"},
        {"type": "if", "test": _is_welcomed(), "then": [MAIL]},
    )
    do("Signed Up")
    pass_time()
    person = profile_of("user_id:ada")
    assert person.traits["journey"] == "welcomed"
    record = SourceRecord.objects.get(source__key="automation")
    assert (record.trust, record.traits) == (TrustLevel.SERVER, _stated(record.traits))
    # The next step reads it.
    assert len(mail.outbox) == 1
    assert states() == [("done", "")]


def _stated(traits: Any) -> Any:
    assert "journey" in traits
    return traits


def _is_welcomed() -> dict[str, Any]:
    return {"type": "trait", "key": "journey", "operator": "equals", "value": "welcomed"}


def test_an_automation_states_no_contact_and_no_special_data() -> None:
    for key in ("email", "phone", "religion"):
        with pytest.raises(ValueError, match="no contact and no special data"):
            publish({"type": "set_trait", "key": key, "value": "x"}, key=f"states-{key}")
    publish({"type": "set_trait", "key": "mood", "value": "good"})
    TraitDefinition.objects.update_or_create(
        key="mood", defaults={"type": "text", "category": "special", "is_reviewed": True}
    )
    do("Signed Up")
    pass_time()
    assert decided() == [("set_trait", "forbidden")]
    assert "mood" not in profile_of("user_id:ada").traits


def test_a_trial_states_a_trait_and_leaves_nothing() -> None:
    row = publish({"type": "set_trait", "key": "score", "value": 7})
    Source.objects.filter(key="automation").delete()
    trial = try_automation(row, traits=ADA, is_permitted=True, now=datetime(2026, 3, 1, tzinfo=UTC))
    assert [step.outcome for step in trial.steps] == ["acted"]
    assert not Source.objects.filter(key="automation").exists()


def test_a_person_is_put_on_a_list_and_taken_off_it_again() -> None:
    row = create_list(key="guests", name="Guests", actor=TESTER)
    publish(
        {"type": "add_to_list", "list": "guests"},
        {"type": "wait", "for": {"days": 1}},
        {"type": "take_off_list", "list": "guests"},
    )
    do("Signed Up")
    pass_time()
    assert people_on(row) == 1
    pass_time(days=2)
    assert people_on(row) == 0
    assert decided()[-1] == ("take_off_list", "acted")
    with pytest.raises(ValueError, match=r"steps\[0\]\.list: No list has this key"):
        publish({"type": "take_off_list", "list": "nobody"}, key="other")
