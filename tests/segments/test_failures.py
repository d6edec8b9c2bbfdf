"""A segment that cannot be evaluated is set apart and closed, and stops no other one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import handled
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.language.operands import DefinitionError
from segments.lib import checkpoints
from segments.lib.failures import KILLED, UNREADABLE
from segments.memberships.leases import DEAD_AFTER, MAX_DEATHS
from segments.models import Membership, MembershipChange, Rebuild, Segment
from segments.services import (
    SegmentFailed,
    archive_segment,
    count_failed,
    create_segment,
    preview,
    rebuild,
    refresh_changed,
    refresh_due,
    resume_rebuilds,
    update_segment,
    verify_memberships,
    why,
)
from tests.factories import NOW, TESTER, make_client
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import build_segment, change_traits, members_of, orders, trait
from tests.segments.worlds import order, store_people, store_person
from tests.tries import tries

pytestmark = pytest.mark.django_db
URL = "/api/v1/segments/"
FAULTY = trait("a", "matches", "b")
# Accepted by a former version: PostgreSQL bears repeats up to 255.
TOO_MUCH = trait("a", "matches", "b{256}")


def fails_by(statement: str) -> Callable[[list[Any]], None]:
    """A handler that fails in the database where the faulty segment takes part."""

    def fail(subjects: list[Any]) -> None:
        faulty = Segment.objects.filter(name="faulty").values_list("key", "pk")
        if any(key in subjects or pk in subjects for key, pk in faulty):
            with connection.cursor() as cursor:
                cursor.execute(statement)

    return fail


def raises(subjects: list[Any]) -> None:
    if Segment.objects.filter(name="faulty", key__in=map(str, subjects)).exists():
        raise KeyError("ada@example.org")
    if Segment.objects.filter(name="faulty", pk__in=[n for n in subjects if n != str(n)]).exists():
        raise RecursionError


FAULTS: dict[str, Callable[[list[Any]], None]] = {
    "a pattern that the database refuses": fails_by("SELECT 'a' ~ 'a{256}'"),
    "a number that overflows": fails_by("SELECT 1e300::float4"),
    "a division by zero": fails_by("SELECT 1 / 0"),
    "a statement without an end": fails_by("SELECT pg_sleep(20)"),
    "a fault in Python": raises,
}


@contextmanager
def failing(fault: Callable[[list[Any]], None]) -> Iterator[None]:
    with handled(checkpoints.REFRESHING, fault), handled(checkpoints.BUILDING, fault):
        yield


def make_faulty(key: str = "faulty", definition: Any = FAULTY, **options: Any) -> Segment:
    return create_segment(
        key=key, name="faulty", definition=definition, actor=TESTER, status="live", **options
    )


def store_unreadable(key: str = "faulty") -> None:
    Segment.objects.filter(key=key).update(definition=TOO_MUCH, live_definition=TOO_MUCH)


def retry_now() -> None:
    Segment.objects.exclude(retry_at=None).update(retry_at=database_now())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_refresh_closes_its_segment_and_no_other(
    fault: str, settings: Settings
) -> None:
    settings.SEGMENT_REFRESH_SECONDS = 0.2
    one, two = store_people([NaivePerson(traits={"a": "b"}), NaivePerson()])
    for key, definition in {
        "before": trait("a", "exists"),
        "kept": trait("a", "equals", "b"),
    }.items():
        build_segment(definition, key=key)
    make_faulty()
    build_segment({"type": "segment", "key": "kept"}, key="zulu")
    resume_rebuilds(now=NOW)
    change_traits(two, a="b")
    mark_changed([one, two])
    with failing(FAULTS[fault]):
        assert refresh_changed(now=NOW) == 2
    for key in ("before", "kept", "zulu"):
        assert members_of(key) == {one, two}
    segment = Segment.objects.get(key="faulty")
    assert segment.failed_at is not None
    assert segment.failure
    assert "@" not in segment.failure
    assert members_of("faulty") == {one}
    assert count_failed() == 1
    assert verify_memberships(now=NOW) == {"before": 0, "kept": 0, "zulu": 0, "faulty": None}
    # While it is set apart, nobody evaluates it, so nothing else can fail either.
    refresh_changed(now=NOW)
    retry_now()
    resume_rebuilds(now=NOW)
    refresh_changed(now=NOW)
    assert (members_of("faulty"), count_failed()) == ({one, two}, 0)
    assert set(verify_memberships(now=NOW).values()) == {0}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_rebuild_is_tried_again_later_and_the_others_are_built(
    fault: str, settings: Settings
) -> None:
    settings.SEGMENT_BUILD_SECONDS = 0.2
    profile_id = store_person(NaivePerson(traits={"a": "b"}))
    for key in ("one", "two"):
        create_segment(key=key, name=key, definition=FAULTY, actor=TESTER, status="live")
    make_faulty("middle")
    with failing(FAULTS[fault]):
        assert resume_rebuilds(now=NOW) == 3
        assert (members_of("one"), members_of("two")) == ({profile_id}, {profile_id})
        assert resume_rebuilds(now=NOW) == 0
        delays = []
        for _ in range(3):
            segment = Segment.objects.get(key="middle")
            assert segment.retry_at is not None
            assert segment.failed_at is not None
            delays.append((segment.retry_at - segment.failed_at).total_seconds())
            retry_now()
            assert resume_rebuilds(now=NOW) == 1
    assert delays == [60, 120, 240]
    assert not Rebuild.objects.exists()
    retry_now()
    resume_rebuilds(now=NOW)
    segment.refresh_from_db()
    assert (members_of("middle"), segment.failures, segment.failure) == ({profile_id}, 0, "")


def test_a_stored_definition_that_is_not_in_the_language_any_more_stops_nobody() -> None:
    one, two = store_people([NaivePerson(traits={"a": "b"}), NaivePerson()])
    make_faulty()
    build_segment({"type": "segment", "key": "faulty"}, key="leaning")
    build_segment(trait("a", "exists"))
    resume_rebuilds(now=NOW)
    store_unreadable()
    change_traits(two, a="b")
    mark_changed([two])
    assert refresh_changed(now=NOW) == 1
    assert (members_of(), members_of("faulty"), members_of("leaning")) == ({one, two}, {one}, {one})
    failures = dict(Segment.objects.values_list("key", "failure"))
    assert failures == {"kept": "", "faulty": UNREADABLE, "leaning": UNREADABLE}
    refresh_due(now=NOW + timedelta(hours=1))
    retry_now()
    assert resume_rebuilds(now=NOW) == 2
    assert count_failed() == 2
    # It can be mended and archived, and others can be made meanwhile.
    build_segment(orders(), key="other")
    faulty = Segment.objects.get(key="faulty")
    update_segment(faulty, actor=TESTER, changes={"definition": FAULTY})
    retry_now()
    resume_rebuilds()
    refresh_changed()
    assert (members_of("faulty"), members_of("leaning")) == ({one, two}, {one, two})


def test_an_idle_store_notices_an_unreadable_definition() -> None:
    build_segment(FAULTY, key="faulty")
    store_unreadable()
    refresh_due(now=NOW + timedelta(hours=1))
    assert Segment.objects.get().failure == UNREADABLE


def test_the_members_of_a_failed_segment_only_leave() -> None:
    gone, restricted, stays, comes = store_people(
        [*[NaivePerson(traits={"a": "b"}) for _ in range(3)], NaivePerson()]
    )
    build_segment(FAULTY, key="faulty")
    store_unreadable()
    change_traits(comes, a="b")
    change_traits(stays, a="c")
    Profile.objects.filter(pk=restricted).update(is_restricted=True)
    Profile.objects.get(pk=gone).identifiers.all().delete()
    Profile.objects.filter(pk=gone).delete()
    mark_changed([gone, restricted, stays, comes])
    refresh_changed(now=NOW)
    assert members_of("faulty") == {stays}
    exits = MembershipChange.objects.filter(has_entered=False)
    assert set(exits.values_list("profile_id", flat=True)) == {gone, restricted}
    assert Segment.objects.get().size == 1


def test_the_outlets_of_a_failed_segment_answer_503_and_name_the_problem() -> None:
    profile_id = store_person(NaivePerson(traits={"a": "b"}))
    uuid = str(Profile.objects.get(pk=profile_id).uuid)
    build_segment(FAULTY, key="faulty")
    client = make_client()
    assert len(client.get(f"/api/v1/profiles/{uuid}/segments/").json()["results"]) == 1
    store_unreadable()
    for call in (
        lambda: client.post(f"{URL}faulty/refresh/", {}),
        lambda: client.get(f"{URL}faulty/members/"),
        lambda: client.get(f"{URL}faulty/members/?purpose=newsletter"),
        lambda: client.get(f"{URL}faulty/why/?profile={uuid}"),
    ):
        answer = call()
        assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
        assert [error["code"] for error in answer.json()["errors"]] == ["segment_failed"]
        assert 0 < int(answer["Retry-After"]) <= 60
    assert client.get(f"/api/v1/profiles/{uuid}/segments/").json()["results"] == []
    segment = client.get(f"{URL}faulty/").json()
    assert (segment["failure"], segment["size"]) == (UNREADABLE, 1)
    assert segment["failed_at"] < segment["retry_at"]
    assert client.get("/readyz").json()["set_apart"]["segments"] == 1
    with pytest.raises(CommandError):
        call_command("verify_segments")


def test_a_failed_segment_can_be_archived_and_leaves_its_key() -> None:
    store_person(NaivePerson(traits={"a": "b"}))
    segment = build_segment(FAULTY, key="faulty")
    store_unreadable()
    refresh_due(now=NOW + timedelta(hours=1))
    archive_segment(segment, actor=TESTER)
    assert count_failed() == 0
    build_segment(FAULTY, key="faulty")
    assert len(members_of("faulty")) == 1


def test_a_rebuild_that_kills_its_workers_is_set_apart_and_the_others_are_built() -> None:
    make_faulty("killer")
    make_faulty("other")
    for death in range(MAX_DEATHS):
        Rebuild.objects.all().delete()
        Rebuild.objects.create(
            token=f"00000000-0000-0000-0000-00000000000{death}",
            segment_keys=["killer"],
            deaths=death,
            heartbeat_at=database_now() - 2 * DEAD_AFTER,
        )
        if death == MAX_DEATHS - 1:
            resume_rebuilds(now=NOW)
    assert not Rebuild.objects.exists()
    assert dict(Segment.objects.values_list("key", "failure")) == {"killer": KILLED, "other": ""}
    assert Segment.objects.get(key="other").live_version == 1


def test_an_outage_is_no_fault_of_a_segment() -> None:
    profile_id = store_person(NaivePerson(traits={"a": "b"}))
    build_segment(FAULTY, key="faulty")
    Segment.objects.update(name="faulty")
    mark_changed([profile_id])
    fault = fails_by("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
    with failing(fault), pytest.raises(Exception), transaction.atomic():  # noqa: B017
        refresh_changed(now=NOW)
    assert count_failed() == 0


bounds = st.one_of(
    st.integers(1, 300).map(lambda n: f"{{{n}}}"),
    st.integers(0, 300).map(lambda n: f"{{{n},}}"),
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda p: f"{{{p[0]},{p[1]}}}"),
    st.sampled_from(["*", "+", "?", ""]),
)
atoms = st.sampled_from(["a", ".", r"\w", "[a-z]", "[^b]", r"[a-\w]", r"[\d-z]", r"[\w\-]", "é"])
bounded = st.builds(str.__add__, atoms, bounds)
groups = st.builds(
    lambda parts, bound: f"({'|'.join(parts)}){bound}",
    st.lists(bounded, min_size=1, max_size=3),
    bounds,
)
risky_patterns = st.lists(bounded | groups, min_size=1, max_size=6).map("".join)


def test_no_pattern_that_is_accepted_stops_a_segment_and_a_refused_one_names_its_path() -> None:
    profile_id = store_person(NaivePerson(traits={"a": "aaa"}, events=[order(1, sku="aaa")]))
    build_segment(trait("a", "exists"))
    client: APIClient = make_client()

    @settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(risky_patterns, st.booleans(), st.booleans())
    @example("a{256}", False, False)
    @example("a{255}", False, True)
    @example(r"[a-\w]", False, False)
    @example("(a{16}){16}", False, True)
    @example("a{255}" * 28, False, False)
    @example("(.{0,255}|a{255}){1}" * 8, True, True)
    def check(pattern: str, ignore_case: bool, is_in_where: bool) -> None:
        options = {"ignore_case": True} if ignore_case else {}
        test = {"operator": "matches", "value": pattern, **options}
        if is_in_where:
            definition = orders(where={"type": "property", "key": "sku", **test})
            path = "definition.where.value"
        else:
            definition, path = {"type": "trait", "key": "a", **test}, "definition.value"
        with transaction.atomic():
            body = {"key": "pattern", "name": "p", "definition": definition, "status": "live"}
            answer = client.post(URL, body)
            previewed = client.post(f"{URL}preview/", {"definition": definition})
            if answer.status_code == 400:
                assert [(e["path"], e["code"]) for e in answer.json()["errors"]] == [
                    (path, "pattern")
                ]
                assert previewed.status_code == 400
            else:
                assert (answer.status_code, previewed.status_code) == (201, 200)
                resume_rebuilds(now=NOW)
                mark_changed([profile_id])
                refresh_changed(now=NOW)
                assert count_failed() == 0
                assert members_of() == {profile_id}
            transaction.set_rollback(True)

    check()


def test_a_preview_leaves_the_time_limit_of_its_caller() -> None:
    store_person(NaivePerson())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '7s'")
        preview({"type": "everyone"})
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("7s",)


def test_a_preview_that_cannot_even_be_estimated_is_refused_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from segments.definitions import previews

    store_person(NaivePerson())
    monkeypatch.setattr(previews, "ESTIMATE_SECONDS", 0.1)

    def sleep(_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    with (
        handled(checkpoints.COUNTING, sleep),
        handled(checkpoints.ESTIMATING, sleep),
        pytest.raises(DefinitionError) as refusal,
    ):
        preview({"type": "everyone"}, exact_seconds=0.1)
    assert refusal.value.errors[0].code == "too_slow"


def test_why_of_a_segment_that_fails_says_so() -> None:
    profile = Profile.objects.get(pk=store_person(NaivePerson(traits={"a": "b"})))
    segment = build_segment(FAULTY, key="faulty")
    store_unreadable()
    segment.refresh_from_db()
    with pytest.raises(SegmentFailed):
        why(segment, profile)
    with pytest.raises(SegmentFailed):
        rebuild(["faulty"])
    assert Membership.objects.count() == 1
