"""Legal holds that are newer than a restored backup: placed, put off and lifted again, in their
order with erasures.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consent.journal.file import JournalFile
from consent.models import HeldRow, LegalHold, PrivacyRequest
from consent.services import (
    NewRequest,
    act_on_requests,
    change_hold,
    give_to_journal,
    journal_fault,
    open_request,
    replay_journal,
    resume_held_back,
)
from profiles.models import Event
from tests.consent.held_ada import hold_ada, lift, order, review
from tests.factories import TESTER, make_profile, send_messages
from tests.random_ids import without_ids
from tests.tries import tries

pytestmark = pytest.mark.django_db
KINDS = ("Order Completed", "Product Viewed")
PEOPLE = ("ada", "bob")
STEPS = st.one_of(
    st.tuples(st.just("hold"), st.sampled_from(PEOPLE), st.sampled_from([*KINDS, ""])),
    st.tuples(st.just("lift"), st.integers(0, 3), st.just("")),
    st.tuples(st.just("review"), st.integers(0, 3), st.integers(2, 400)),
    st.tuples(
        st.sampled_from(["erase", "work", "come back"]), st.sampled_from(PEOPLE), st.just("")
    ),
)


class NaiveStore:
    """What is live and held after each step, in plain lists."""

    def __init__(self) -> None:
        self.live = {name: list(KINDS) for name in PEOPLE}
        self.holds: list[tuple[str, str]] = []
        self.kept: list[list[str]] = []
        self.reviews: list[date] = []
        self.lifted: set[int] = set()
        self.erasing: set[str] = set()
        self.erased: set[str] = set()
        self.back: set[str] = set()

    def work(self) -> None:
        for name in sorted(self.erasing):
            for number, (whom, kind) in enumerate(self.holds):
                if whom == name and number not in self.lifted:
                    self.kept[number] += [each for each in self.live[name] if kind in ("", each)]
            self.live[name] = []
        self.erased |= self.erasing
        self.erasing = set()
        for number in self.lifted:
            self.kept[number] = []


class Story:
    """The same steps, done with the product and with the lists."""

    def __init__(self) -> None:
        for name in PEOPLE:
            send_messages({"userId": name, "traits": {"email": f"{name}@example.org"}})
            send_messages(*(order(name, kind) for kind in KINDS))
        self.naive = NaiveStore()
        self.holds: list[LegalHold] = []

    def take(self, step: str, whom: Any, more: Any) -> None:
        naive = self.naive
        match step:
            case "hold" if whom not in naive.erased or whom in naive.back:
                scope = {"events": [more] if more else []}
                self.holds.append(hold_ada(scope, references=[f"user_id:{whom}"]))
                naive.holds.append((whom, more))
                naive.kept.append([])
                naive.reviews.append(self.holds[-1].review_on)
            case "review" if whom < len(self.holds) and whom not in naive.lifted:
                naive.reviews[whom] = timezone.now().date() + timedelta(days=more)
                review(self.holds[whom], naive.reviews[whom])
            case "lift" if whom < len(self.holds) and whom not in naive.lifted:
                lift(self.holds[whom])
                naive.lifted.add(whom)
            case "erase" if whom not in naive.erasing | naive.erased:
                asked = NewRequest(kind="erasure", references=(f"user_id:{whom}",), reason="")
                open_request(asked, door="service", actor=TESTER)
                naive.erasing.add(whom)
            case "work":
                work()
                naive.work()
            case "come back" if whom in naive.erased - naive.back:
                make_profile(f"user_id:{whom}")
                naive.back.add(whom)

    def kept(self) -> dict[Any, list[str]]:
        pairs = zip(self.holds, self.naive.kept, strict=True)
        return {hold.pk: sorted(kinds) for hold, kinds in pairs if kinds}

    def reviews(self) -> dict[Any, date]:
        """The days of review of the holds that stand, of those that the store has."""
        standing = set(LegalHold.objects.filter(lifted_at=None).values_list("pk", flat=True))
        pairs = zip(self.holds, self.naive.reviews, strict=True)
        return {hold.pk: day for hold, day in pairs if hold.pk in standing}


def work() -> None:
    act_on_requests()
    resume_held_back()


def stored() -> tuple[int, dict[Any, list[str]]]:
    """How many events are live, and the kinds that each hold keeps."""
    kept: dict[Any, list[str]] = {}
    for hold_id, kind in HeldRow.objects.order_by("kind").values_list("hold_id", "kind"):
        kept.setdefault(hold_id, []).append(kind)
    return Event.objects.count(), kept


def reviews() -> dict[Any, date]:
    return dict(LegalHold.objects.filter(lifted_at=None).values_list("pk", "review_on"))


@hypothesis_settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.lists(STEPS, max_size=4), after=st.lists(STEPS, max_size=10))
def test_the_replay_leaves_what_the_steps_in_their_order_left(
    before: list[tuple[str, Any, Any]],
    after: list[tuple[str, Any, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with override_settings(PRIVACY_JOURNAL=str(path)), transaction.atomic():
        story = Story()
        for step in before:
            story.take(*step)
        give_to_journal()
        backup = transaction.savepoint()
        for step in after:
            story.take(*step)
        story.take("work", "", "")
        live = sum(len(kinds) for kinds in story.naive.live.values())
        assert stored() == (live, story.kept())
        give_to_journal()
        transaction.savepoint_rollback(backup)
        replay_journal(actor=TESTER)
        work()
        assert stored() == (live, story.kept())
        assert reviews() == story.reviews()
        assert journal_fault() is None
        assert replay_journal(actor=TESTER) == {}
        transaction.set_rollback(True)


def test_the_lines_of_a_hold_name_nobody_and_have_no_reason(tmp_path: Path, settings: Any) -> None:
    settings.PRIVACY_JOURNAL = str(tmp_path / "journal.jsonl")
    send_messages({"userId": "ada", "traits": {"email": "ada@example.org"}})
    hold = hold_ada()
    day = hold.review_on + timedelta(days=30)
    changes = {"review_on": day, "reason": "Ada sued us again", "case_reference": "2027/3"}
    change_hold(hold, changes=changes, actor=TESTER, now=timezone.now())
    # Another reason is for people, and no line.
    change_hold(hold, changes={"reason": "Ada asks"}, actor=TESTER, now=timezone.now())
    lift(hold)
    give_to_journal()
    placed, put_off, lifted = JournalFile(Path(settings.PRIVACY_JOURNAL)).after(0)
    assert (placed["act"], lifted["act"]) == ("hold", "hold_lifted")
    assert (put_off["act"], put_off["review_on"]) == ("hold_reviewed", day.isoformat())
    assert placed["scope"] == {"events": ["Order Completed"]}
    text = without_ids(Path(settings.PRIVACY_JOURNAL).read_text())
    for word in ("ada@example.org", "sued", "asks", "2026/17", "2027/3", "closed"):
        assert word not in text


def test_a_hold_keeps_nothing_of_whom_an_erasure_before_it_had_erased(
    tmp_path: Path, settings: Any
) -> None:
    settings.PRIVACY_JOURNAL = str(tmp_path / "journal.jsonl")
    story = Story()
    backup = transaction.savepoint()
    for step in (
        ("erase", "ada", ""),
        ("work", "", ""),
        ("come back", "ada", ""),
        ("hold", "ada", ""),
    ):
        story.take(*step)
    give_to_journal()
    transaction.savepoint_rollback(backup)
    assert replay_journal(actor=TESTER) == {"erasure": 1, "hold": 1}
    work()
    assert stored() == (2, {})
    assert PrivacyRequest.objects.get().status == "done"
