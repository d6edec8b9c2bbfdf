"""Holds, erasures and liftings in any order, with kills, beside plain lists."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consent.lib import checkpoints
from consent.models import HeldRow, LegalHold, PrivacyRequest
from consent.services import (
    NewRequest,
    act_on_requests,
    open_request,
    resume_held_back,
)
from profiles.lib.checkpoints import handled
from profiles.models import Event
from tests.consent.held_ada import (
    ADA,
    hold_ada,
    lift,
    order,
)
from tests.factories import TESTER, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db


KINDS = ("Order Completed", "Product Viewed")


SCOPES = (["Order Completed"], ["Product Viewed"], [])


STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(KINDS)),
    st.tuples(st.just("hold"), st.sampled_from(SCOPES)),
    st.tuples(st.just("lift"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["erase", "work", "work and be killed"]), st.none()),
)


class NaiveHolds:
    """What must be live and held after each step, kept in plain lists."""

    def __init__(self) -> None:
        self.live: list[str] = []
        self.kept: list[list[str]] = []
        self.scopes: list[list[str]] = []
        self.lifted: set[int] = set()
        self.erasure = ""

    def work(self) -> None:
        if self.erasure == "open":
            for number, scope in enumerate(self.scopes):
                if number not in self.lifted:
                    self.kept[number] += [k for k in self.live if not scope or k in scope]
            self.live, self.erasure = [], "carried out"
        for number in self.lifted:
            self.kept[number] = []


def killed(_: object) -> None:
    raise RuntimeError("killed")


def work(*, is_killed: bool = False) -> None:
    if not is_killed:
        act_on_requests()
        resume_held_back()
        return
    with handled(checkpoints.ACTING, killed), handled(checkpoints.SETTLING, killed):
        act_on_requests()
        resume_held_back()
    PrivacyRequest.objects.update(retry_at=None)


def take_step(step: str, value: Any, naive: NaiveHolds, holds: list[LegalHold]) -> None:
    """Do a step with the product and with the model."""
    if step == "send":
        send_messages(order(name=value))
        naive.live += [] if naive.erasure else [value]
    elif step == "hold" and naive.erasure != "carried out":
        holds.append(hold_ada({"events": value}))
        naive.scopes.append(value)
        naive.kept.append([])
    elif step == "lift" and value < len(holds) and value not in naive.lifted:
        lift(holds[value])
        naive.lifted.add(value)
    elif step == "erase" and not naive.erasure:
        open_request(
            NewRequest(kind="erasure", references=(ADA,), reason=""), door="service", actor=TESTER
        )
        naive.erasure = "open"
    elif step == "work":
        work()
        naive.work()
    elif step == "work and be killed":
        work(is_killed=True)


def stored(holds: list[LegalHold]) -> tuple[list[str], list[list[str]]]:
    live = Event.objects.order_by("name__name").values_list("name__name", flat=True)
    rows = [
        list(HeldRow.objects.filter(hold=hold).order_by("kind").values_list("kind", flat=True))
        for hold in holds
    ]
    return list(live), rows


@hypothesis_settings(max_examples=tries(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=14))
def test_what_stays_is_the_scope_of_the_holds_in_any_order_and_with_kills(
    steps: list[tuple[str, Any]],
) -> None:
    with transaction.atomic():
        send_messages({"userId": "ada", "traits": {"email": "ada@example.org"}})
        naive, holds = NaiveHolds(), list[LegalHold]()
        for step, value in steps:
            take_step(step, value, naive, holds)
            assert stored(holds) == (sorted(naive.live), [sorted(kept) for kept in naive.kept])
        for number in range(len(holds)):
            take_step("lift", number, naive, holds)
        take_step("erase", None, naive, holds)
        take_step("work", None, naive, holds)
        assert stored(holds) == ([], [[] for _ in holds])
        assert PrivacyRequest.objects.get().status == "done"
        transaction.set_rollback(True)
