"""The interleavings that slots, claims and leases exist for, on real connections that commit."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event as Signal
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction

from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import handled
from profiles.models import Profile, ProfileChange
from profiles.registry import ErasurePhase, Person, registry
from segments.lib import checkpoints
from segments.memberships import rebuild as rebuilds
from segments.memberships.rebuild import LeaseLostError
from segments.models import (
    Membership,
    MembershipChange,
    NotedProfile,
    Rebuild,
    Segment,
    StagedMembership,
)
from segments.services import (
    archive_segment,
    rebuild,
    refresh_changed,
    resume_rebuilds,
    update_segment,
    verify_memberships,
)
from tests.factories import NOW, TESTER
from tests.oracles.segment_worlds import NaivePerson
from tests.owner import owner_cursor
from tests.segments.evaluations import build_segment, change_traits, members_of, trait
from tests.segments.worlds import store_people, store_person

pytestmark = pytest.mark.usefixtures("committing_db")
PATIENCE = 10


@contextmanager
def in_background(work: Callable[[], Any]) -> Iterator["Future[Any]"]:
    """Run work in a thread with a connection of its own."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


class Pause:
    """Stops a worker after it has evaluated and before it commits."""

    def __init__(self) -> None:
        self.reached, self.released = Signal(), Signal()
        self.backend = 0

    def stop(self, _: object) -> None:
        """Wait at the first call; later workers pass."""
        if self.reached.is_set():
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (self.backend,) = cursor.fetchone()
        self.reached.set()
        assert self.released.wait(PATIENCE)


@pytest.fixture
def pause() -> Iterator[Pause]:
    paused = Pause()
    with handled(checkpoints.EVALUATED, paused.stop):
        yield paused


def change(profile_id: int, **traits: Any) -> None:
    """Change traits and queue the profile, in one transaction."""
    with transaction.atomic():
        change_traits(profile_id, **traits)
        mark_changed([profile_id])


def test_a_change_that_comes_while_an_older_one_is_served_is_not_lost(
    pause: Pause,
) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(trait("a", "equals", 1))
    change(profile_id, a=1)
    with in_background(lambda: refresh_changed(now=NOW)) as slow:
        assert pause.reached.wait(PATIENCE)
        change(profile_id, a=2)
        # The slot is locked, so this worker leaves it alone.
        assert refresh_changed(now=NOW) == 0
        assert ProfileChange.objects.count() >= 1
        pause.released.set()
        slow.result(PATIENCE)
    refresh_changed(now=NOW)
    assert members_of() == set()
    assert verify_memberships(now=NOW) == {"kept": 0}


def test_two_workers_share_the_slots_and_serve_everybody_once() -> None:
    profile_ids = list(store_people([NaivePerson() for _ in range(130)]))
    build_segment(trait("a", "equals", 1))
    for profile_id in profile_ids:
        change_traits(profile_id, a=1)
    mark_changed(profile_ids)
    with in_background(lambda: refresh_changed(now=NOW, limit=5)) as other:
        first = refresh_changed(now=NOW, limit=5)
        second = other.result(PATIENCE)
    # A slot that the other worker had locked at the last look may be left over.
    rest = refresh_changed(now=NOW)
    assert first + second + rest == len(profile_ids)
    assert members_of() == set(profile_ids)
    assert MembershipChange.objects.count() == len(profile_ids)
    assert Segment.objects.get().size == len(profile_ids)


def test_a_worker_that_dies_before_it_commits_leaves_its_work_in_the_queue(
    pause: Pause,
) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(trait("a", "equals", 1))
    change(profile_id, a=1)
    with in_background(lambda: refresh_changed(now=NOW)) as doomed:
        assert pause.reached.wait(PATIENCE)
        with owner_cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pause.backend])
        pause.released.set()
        with pytest.raises(OperationalError):
            doomed.result(PATIENCE)
    assert (members_of(), ProfileChange.objects.count()) == (set(), 1)
    refresh_changed(now=NOW)
    assert members_of() == {profile_id}
    assert Segment.objects.get().size == 1


def test_a_rebuild_waits_for_a_refresher_that_has_not_seen_its_lease(
    pause: Pause,
) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(trait("a", "equals", 1))
    change(profile_id, a=1)
    with in_background(lambda: refresh_changed(now=NOW)) as slow:
        assert pause.reached.wait(PATIENCE)
        with in_background(lambda: rebuild(["kept"], now=NOW)) as full:
            with pytest.raises(TimeoutError):
                full.result(0.3)
            assert Rebuild.objects.count() == 1
            assert StagedMembership.objects.count() == 0
            pause.released.set()
            full.result(PATIENCE)
        slow.result(PATIENCE)
    assert members_of() == {profile_id}
    assert MembershipChange.objects.count() == 1


def staged(keys: list[str]) -> tuple[Rebuild, rebuilds.Plan]:
    """A rebuild that has computed its result and not applied it yet."""
    lease = Rebuild.objects.create(token=uuid4(), segment_keys=keys)
    plan = rebuilds.make_plan(lease)
    rebuilds.stage(lease, plan, NOW)
    return lease, plan


def apply(lease: Rebuild, plan: rebuilds.Plan) -> bool:
    """Apply what was staged for a plan that reads no boundary, and nothing that can change."""
    measured = rebuilds.measure(rebuilds.unmeasured(plan), lease.family, NOW)
    inputs = dict.fromkeys(plan.targets, "{}")
    return rebuilds.apply_staged(lease, plan, rebuilds.Result(plan, measured, {}, inputs), NOW)


def test_a_profile_that_is_refreshed_while_a_rebuild_computes_is_left_alone_and_queued_again() -> (
    None
):
    profile_id = store_person(NaivePerson())
    build_segment(trait("a", "equals", 1))
    lease, plan = staged(["kept"])
    change(profile_id, a=1)
    refresh_changed(now=NOW)
    assert NotedProfile.objects.filter(rebuild=lease).count() == 1
    assert apply(lease, plan)
    assert members_of() == {profile_id}
    assert list(ProfileChange.objects.values_list("profile_id", flat=True)) == [profile_id]
    refresh_changed(now=NOW)
    assert MembershipChange.objects.count() == 1
    assert (NotedProfile.objects.count(), Rebuild.objects.count()) == (0, 0)


def test_a_profile_that_changes_while_a_new_definition_is_computed_gets_the_new_answer() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    segment = build_segment(trait("a", "equals", 1))
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "equals", 2)})
    lease, plan = staged(["kept"])
    change(profile_id, a=2)
    refresh_changed(now=NOW)
    assert members_of() == set()
    assert apply(lease, plan)
    refresh_changed(now=NOW)
    assert members_of() == {profile_id}


def test_a_rebuild_of_a_definition_that_changed_meanwhile_is_not_applied() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    segment = build_segment(trait("a", "equals", 2))
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "equals", 3)})
    lease, plan = staged(["kept"])
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "equals", 1)})
    assert apply(lease, plan) is False
    Rebuild.objects.all().delete()
    resume_rebuilds(now=NOW)
    assert members_of() == {profile_id}


def test_a_rebuild_of_what_leans_on_a_changed_segment_is_not_applied() -> None:
    store_person(NaivePerson(traits={"a": 1}))
    base = build_segment(trait("a", "equals", 1), key="base")
    build_segment({"type": "segment", "key": "base"})
    lease, plan = staged(["kept"])
    update_segment(base, actor=TESTER, changes={"definition": trait("a", "equals", 2)})
    rebuild(["base"], now=NOW)
    assert apply(lease, plan) is False
    assert members_of() == set()


def test_a_segment_that_was_archived_while_it_was_computed_stays_empty() -> None:
    store_person(NaivePerson())
    segment = build_segment(trait("a", "not_exists"))
    lease, plan = staged(["kept"])
    archive_segment(segment, actor=TESTER)
    assert apply(lease, plan) is False
    assert members_of() == set()


def test_whoever_lost_the_lease_applies_nothing() -> None:
    store_person(NaivePerson())
    build_segment(trait("a", "exists"))
    lease, plan = staged(["kept"])
    Rebuild.objects.filter(pk=lease.pk).delete()
    with pytest.raises(LeaseLostError):
        apply(lease, plan)


def test_somebody_who_is_erased_while_a_rebuild_computes_does_not_come_back() -> None:
    profile_id = store_person(NaivePerson())
    segment = build_segment(trait("a", "exists"))
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "not_exists")})
    lease, plan = staged(["kept"])
    erase(profile_id)
    assert apply(lease, plan)
    assert (members_of(), Segment.objects.get().size) == (set(), 0)


def erase(profile_id: int) -> None:
    """Erase a profile as far as segments and its own row are concerned, in one transaction."""
    with transaction.atomic():
        profile = Profile.objects.get(pk=profile_id)
        person = Person(profile_id, str(profile.uuid), (), ())
        for declaration in registry.in_order_of_erasure():
            is_first = declaration.phase <= ErasurePhase.MEMBERSHIP_HISTORY
            if declaration.label.startswith("segments.") and is_first:
                declaration.erase(person)
        profile.identifiers.all().delete()
        profile.delete()


def test_an_erasure_waits_for_a_refresh_of_that_person_and_leaves_no_membership(
    pause: Pause,
) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(trait("a", "equals", 1))
    change(profile_id, a=1)
    with in_background(lambda: refresh_changed(now=NOW)) as slow:
        assert pause.reached.wait(PATIENCE)
        with in_background(lambda: erase(profile_id)) as erasure:
            with pytest.raises(TimeoutError):
                erasure.result(0.3)
            pause.released.set()
            erasure.result(PATIENCE)
        slow.result(PATIENCE)
    assert not Membership.objects.exists()
    assert not MembershipChange.objects.exists()
