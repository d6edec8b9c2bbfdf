"""Automations against a naive walk over their JSON, with workers that are killed on the way."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.models import Purpose
from profiles.lib.checkpoints import handled
from segments.automations import checkpoints
from segments.automations.nodes import HandOver
from segments.models import (
    Automation,
    AutomationRun,
    Delivery,
    HandedPerson,
    ListedPerson,
    StaticList,
    Webhook,
)
from segments.services import advance, create_list, create_webhook, parse_automation
from tests.factories import TESTER, make_purpose, profile_of, send_messages
from tests.oracles.automations import Walk, walk
from tests.segments.flows import ALWAYS_PERMITTED, publish
from tests.segments.sending import BY_EMAIL, send_to
from tests.tries import tries

pytestmark = pytest.mark.django_db

CITIES, NAMES = ("Lyon", "Rome"), ("Bought", "Looked")
spans = st.fixed_dictionaries({"hours": st.integers(1, 30)})
tests = st.sampled_from(CITIES).map(
    lambda city: {"type": "trait", "key": "city", "operator": "equals", "value": city}
)
leaves = st.one_of(
    st.fixed_dictionaries({"type": st.just("wait"), "for": spans}),
    st.fixed_dictionaries({"type": st.just("check"), "test": tests}),
    st.just({"type": "add_to_list", "list": "guests"}),
    st.just({"type": "webhook", "webhook": "WEBHOOK"}),
    st.just({"type": "destination", "destination": "TOOL"}),
    st.just({"type": "destination", "destination": "TOOL", "do": "take_out"}),
)


def branches(children: Any) -> Any:
    ways = {"then": st.lists(children, max_size=2), "else": st.lists(children, max_size=2)}
    events = st.sampled_from(NAMES).map(lambda name: {"name": name})
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("if"), "test": tests, **ways}),
        st.fixed_dictionaries(
            {"type": st.just("wait_event"), "event": events, "at_most": spans, **ways}
        ),
    )


steps = st.lists(st.recursive(leaves, branches, max_leaves=6), max_size=5)
hours = st.lists(st.integers(1, 90), max_size=3)
# At which look a worker is killed, and where.
kills = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([checkpoints.CLAIMED, checkpoints.DECIDED])),
    max_size=3,
)


class Killed(BaseException):
    """The end of a worker."""


def _kill(subject: object) -> None:
    raise Killed


def _started(
    steps: Any, start: datetime, events: dict[str, list[int]], city: str, goal: str | None
) -> AutomationRun:
    """Begin a world in which one person started some time ago."""
    for model in (Delivery, AutomationRun, Automation, ListedPerson, StaticList, Webhook):
        model._default_manager.all().delete()
    create_list(key="guests", name="Guests", actor=TESTER)
    webhook, _ = create_webhook(
        name="Shop", url="https://shop.example/", events=["automation.reached"], actor=TESTER
    )
    service = Purpose.objects.filter(key="service").first() or make_purpose(
        "service", now=timezone.now(), legal_basis=ALWAYS_PERMITTED
    )
    address = {"address": "https://tool.example/"}
    tool = send_to("http", purpose=service, settings=address, mapping=BY_EMAIL)
    text = json.dumps(steps).replace("WEBHOOK", str(webhook.pk)).replace("TOOL", str(tool.pk))
    options = {"goal": {"name": goal}} if goal else {}
    row = publish(*json.loads(text), **options)
    name = f"walker-{uuid4()}"
    send_messages(
        {"type": "identify", "userId": name, "traits": {"city": city}},
        *(
            {
                "type": "track",
                "userId": name,
                "event": event,
                "timestamp": (start + timedelta(hours=hour)).isoformat(),
            }
            for event, hours in events.items()
            for hour in hours
        ),
    )
    program = parse_automation(row.definition)
    return AutomationRun.objects.create(
        automation=row,
        version=1,
        key=profile_of(f"user_id:{name}").uuid,
        cause="test",
        since=start,
        started_at=start,
        step=program.first,
        entered_at=start,
        due_at=start,
    )


@settings(max_examples=tries(100), deadline=None)
@given(
    steps=steps,
    bought=hours,
    looked=hours,
    city=st.sampled_from(CITIES),
    goal=st.sampled_from([None, *NAMES]),
    kills=kills,
    pace=st.integers(1, 12),
)
def test_a_run_takes_the_steps_of_the_naive_walk_whatever_is_killed(
    steps: Any,
    bought: list[int],
    looked: list[int],
    city: str,
    goal: str | None,
    kills: list[tuple[int, str]],
    pace: int,
) -> None:
    start = timezone.now() - timedelta(hours=100)
    events = {"Bought": bought, "Looked": looked}
    run = _started(steps, start, events, city, goal)
    looks = [start + timedelta(hours=hour, seconds=1) for hour in range(0, 100, pace)]
    for number, moment in enumerate(looks):
        for place in [place for at, place in kills if at == number]:
            with handled(place, _kill), suppress(Killed):
                advance(now=moment)
        advance(now=moment)
    times = {
        name: [start + timedelta(hours=hour) for hour in sorted(at)] for name, at in events.items()
    }
    expected = walk(steps, Walk(start, looks, times, city, goal))
    run.refresh_from_db()
    taken = [(each.step, each.branch or each.outcome) for each in run.decisions.order_by("id")]
    assert (run.state, taken) == (expected.ending, expected.taken)
    calls = sum("webhook" in kind for kind in run.decisions.values_list("kind", flat=True))
    assert Delivery.objects.count() == calls
    assert set(Delivery.objects.values_list("message", flat=True)) == set(
        run.decisions.filter(kind="webhook").values_list("message", flat=True)
    )
    program = parse_automation(run.automation.definition)
    handings = run.decisions.filter(kind="destination").order_by("id")
    last = [program.steps[each.step] for each in handings][-1:]
    assert HandedPerson.objects.count() == sum(isinstance(step, HandOver) for step in last)
    has_joined = run.decisions.filter(kind="add_to_list").exists()
    assert ListedPerson.objects.exists() == has_joined
