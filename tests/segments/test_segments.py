"""Creating, changing, building and archiving segments; memberships on merges and erasures."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import handled
from profiles.models import Profile, ProfileChange
from profiles.services import Actor
from segments.definitions import previews
from segments.language.operands import DefinitionError
from segments.lib import checkpoints
from segments.memberships.leases import DEAD_AFTER
from segments.models import (
    Membership,
    MembershipChange,
    NotedProfile,
    Rebuild,
    Segment,
    SegmentSize,
    SegmentVersion,
    StagedMembership,
    Wakeup,
)
from segments.services import (
    SegmentError,
    archive_segment,
    create_segment,
    find_segment,
    preview,
    rebuild,
    refresh_changed,
    resume_rebuilds,
    update_segment,
    verify_memberships,
)
from tests.factories import NOW, TESTER, make_client, profile_of, send_messages
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import (
    build_segment,
    change_traits,
    erase,
    members_of,
    negation,
    orders,
    trait,
)
from tests.segments.worlds import add_events, order, store_people, store_person
from tests.tries import tries

pytestmark = pytest.mark.django_db
EVERYONE = {"type": "everyone"}


def segment_leaf(key: str) -> dict[str, Any]:
    return {"type": "segment", "key": key}


def make(key: str, definition: dict[str, Any], status: str = "live") -> Segment:
    return create_segment(key=key, name=key, definition=definition, actor=TESTER, status=status)


def test_a_new_definition_is_a_new_version_with_its_author() -> None:
    segment = build_segment(trait("a", "equals", 1))
    ada = Actor.system("Ada")
    update_segment(segment, actor=ada, changes={"definition": trait("a", "equals", 2)})
    versions = SegmentVersion.objects.filter(segment=segment).values_list("number", "author")
    assert list(versions) == [(2, "system:Ada"), (1, "system:tests")]


def test_the_same_definition_is_no_new_version() -> None:
    segment = build_segment(EVERYONE)
    assert update_segment(segment, actor=TESTER, changes={"name": "All"}).version == 1


def test_the_old_definition_answers_until_the_new_one_is_built() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    segment = build_segment(trait("a", "equals", 1))
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "equals", 2)})
    change_traits(profile_id, a=2)
    mark_changed([profile_id])
    refresh_changed(now=NOW)
    assert members_of() == set()
    assert resume_rebuilds(now=NOW) == 1
    assert members_of() == {profile_id}
    reasons = MembershipChange.objects.order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["definition", "change", "definition"]


def test_a_draft_is_not_built_until_it_goes_live() -> None:
    store_person(NaivePerson())
    segment = make("kept", EVERYONE, "draft")
    assert resume_rebuilds(now=NOW) == 0
    update_segment(segment, actor=TESTER, changes={"status": "live"})
    assert resume_rebuilds(now=NOW) == 1
    assert len(members_of()) == 1


def test_entered_at_survives_rebuilds() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    segment = build_segment(trait("a", "equals", 1))
    update_segment(segment, actor=TESTER, changes={"definition": trait("a", "exists")})
    rebuild(["kept"], now=NOW + timedelta(days=1))
    assert Membership.objects.get(profile_id=profile_id).entered_at == NOW


def test_a_definition_may_not_lean_on_itself() -> None:
    build_segment(EVERYONE, key="one")
    build_segment(segment_leaf("one"), key="two")
    with pytest.raises(DefinitionError) as refusal:
        update_segment(
            Segment.objects.get(key="one"),
            actor=TESTER,
            changes={"definition": negation(segment_leaf("two"))},
        )
    assert [tuple(fault[:2]) for fault in refusal.value.errors] == [("child.key", "cycle")]


@given(st.integers(1, 5), st.integers(0, 4))
@settings(max_examples=tries(15), deadline=None, suppress_health_check=list(HealthCheck))
def test_a_refused_circle_names_its_steps(length: int, place: int) -> None:
    keys = [f"s{number}" for number in range(length)]
    with transaction.atomic():
        make(keys[-1], EVERYONE)
        for key, next_key in zip(keys[-2::-1], keys[:0:-1], strict=True):
            make(key, {"type": "or", "children": [segment_leaf(next_key), EVERYONE]})
        children = [EVERYONE] * place + [segment_leaf(keys[0])]
        with pytest.raises(DefinitionError) as refusal:
            update_segment(
                Segment.objects.get(key=keys[-1]),
                actor=TESTER,
                changes={"definition": {"type": "or", "children": children}},
            )
        transaction.set_rollback(True)
    (fault,) = refusal.value.errors
    assert (fault.path, fault.code) == (f"children[{place}].key", "cycle")
    assert " → ".join([keys[-1], *keys]) in fault.detail


def test_the_key_of_an_archived_segment_can_be_used_again() -> None:
    profile_id = store_person(NaivePerson())
    for number in range(3):
        segment = build_segment(EVERYONE)
        assert members_of() == {profile_id}
        if number < 2:
            archive_segment(segment, actor=TESTER)
    assert find_segment("kept") == segment
    with pytest.raises(SegmentError):
        make("kept", EVERYONE)
    client = make_client()
    keys = []
    url = "/api/v1/segments/?page_size=1"
    while url:
        page = client.get(url).json()
        keys += [(row["key"], row["status"]) for row in page["results"]]
        url = page["next"]
    assert keys == [("kept", "archived"), ("kept", "archived"), ("kept", "live")]
    assert client.get("/api/v1/segments/kept/").json()["status"] == "live"
    assert len(client.get("/api/v1/segments/kept/members/").json()["results"]) == 1


@pytest.mark.parametrize("status", ["draft", "archived", None])
def test_a_definition_leans_on_live_segments_only(status: str | None) -> None:
    if status:
        other = make("other", EVERYONE, "draft")
        if status == "archived":
            archive_segment(other, actor=TESTER)
    with pytest.raises(DefinitionError) as refusal:
        make("kept", segment_leaf("other"))
    assert refusal.value.errors[0][:2] == ("key", "unknown")


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(DefinitionError) as refusal:
        make("kept", {"type": "consent", "purpose": "moonlight", "permitted": True})
    assert refusal.value.errors[0][:2] == ("purpose", "unknown")


def test_a_segment_that_others_lean_on_is_not_archived() -> None:
    base = build_segment(EVERYONE, key="base")
    build_segment(segment_leaf("base"))
    with pytest.raises(SegmentError, match="kept"):
        archive_segment(base, actor=TESTER)


def test_archiving_closes_memberships_and_keeps_the_history() -> None:
    store_person(NaivePerson())
    segment = archive_segment(build_segment(EVERYONE), actor=TESTER)
    assert (segment.status, segment.size, members_of()) == ("archived", 0, set())
    assert MembershipChange.objects.filter(segment=segment, has_entered=False).count() == 1
    with pytest.raises(SegmentError):
        update_segment(segment, actor=TESTER, changes={"name": "Again"})


def test_a_new_definition_is_built_with_all_that_lean_on_it() -> None:
    one, two = store_people([NaivePerson(traits={"a": number}) for number in (1, 2)])
    base = build_segment(trait("a", "equals", 1), key="base")
    build_segment(negation(segment_leaf("base")), key="middle")
    build_segment(negation(segment_leaf("middle")))
    assert members_of() == {one}
    update_segment(base, actor=TESTER, changes={"definition": trait("a", "equals", 2)})
    resume_rebuilds(now=NOW)
    assert (members_of("base"), members_of("middle"), members_of()) == ({two}, {one}, {two})


def test_sizes_are_kept_and_measured_where_they_change() -> None:
    one, two = store_people([NaivePerson(traits={"a": 1}), NaivePerson()])
    segment = build_segment(trait("a", "exists"))
    change_traits(two, a=1)
    mark_changed([one, two])
    refresh_changed(now=NOW)
    call_command("refresh", at=NOW + timedelta(hours=1), verbosity=0)
    segment.refresh_from_db()
    assert segment.size == 2
    points = SegmentSize.objects.filter(segment=segment).values_list("size", flat=True)
    assert list(points) == [1, 2]


def test_the_same_wake_up_twice_changes_nothing_twice() -> None:
    profile_id = store_person(NaivePerson())
    build_segment(EVERYONE)
    mark_changed([profile_id])
    mark_changed([profile_id])
    refresh_changed(now=NOW, limit=1)
    assert ProfileChange.objects.count() == 0
    assert MembershipChange.objects.count() == 1


def test_a_dead_rebuild_is_taken_over_and_its_worker_may_not_apply() -> None:
    store_person(NaivePerson())
    make("kept", EVERYONE)
    dead = Rebuild.objects.create(
        token="00000000-0000-0000-0000-000000000001",
        segment_keys=["kept"],
        heartbeat_at=NOW - 2 * DEAD_AFTER,
    )
    assert resume_rebuilds(now=NOW) == 1
    assert len(members_of()) == 1
    assert not Rebuild.objects.filter(pk=dead.pk).exists()


def test_a_living_rebuild_is_left_alone() -> None:
    make("kept", EVERYONE)
    Rebuild.objects.create(token="00000000-0000-0000-0000-000000000001", segment_keys=["kept"])
    assert resume_rebuilds(now=NOW) == 0


def test_the_memberships_of_an_absorbed_profile_are_closed_with_reason_merge() -> None:
    send_messages({"anonymousId": "a1"}, {"userId": "u1"})
    anonymous, user = profile_of("anonymous_id:a1").pk, profile_of("user_id:u1").pk
    build_segment(EVERYONE)
    assert members_of() == {anonymous, user}
    send_messages({"anonymousId": "a1", "userId": "u1"})
    refresh_changed()
    (survivor,) = Profile.objects.values_list("pk", flat=True)
    assert members_of() == {survivor}
    change = MembershipChange.objects.get(has_entered=False)
    assert (change.reason, {change.profile_id, survivor}) == ("merge", {anonymous, user})


def test_erasure_leaves_nothing_of_a_person_and_the_size_right() -> None:
    store_person(NaivePerson())
    profile_id = store_person(NaivePerson(events=[order(-1)]))
    segment = build_segment(EVERYONE)
    refresh_changed(now=NOW)
    lease = Rebuild.objects.create(token="00000000-0000-0000-0000-000000000001")
    NotedProfile.objects.create(rebuild=lease, profile_id=profile_id)
    StagedMembership.objects.create(rebuild_id=lease.pk, segment_id=1, profile_id=profile_id)
    erase(Profile.objects.get(pk=profile_id))
    for model in (Membership, MembershipChange, NotedProfile, StagedMembership, Wakeup):
        assert not model.objects.filter(profile_id=profile_id).exists()
    segment.refresh_from_db()
    assert segment.size == 1


def test_what_is_left_of_a_profile_after_an_erasure_is_evaluated_again() -> None:
    profile_id = store_person(NaivePerson())
    build_segment(EVERYONE)
    erase(Profile.objects.get(pk=profile_id))
    assert refresh_changed(now=NOW) == 1
    assert members_of() == {profile_id}


def test_verify_counts_what_is_wrong_and_leaves_out_what_waits() -> None:
    wrong, waiting = store_people([NaivePerson(), NaivePerson()])
    segment = build_segment(trait("a", "exists"))
    change_traits(waiting, a=1)
    mark_changed([waiting])
    assert verify_memberships(now=NOW) == {"kept": 0}
    Membership.objects.create(profile_id=wrong, segment=segment, entered_at=NOW)
    assert verify_memberships(now=NOW) == {"kept": 1}
    with pytest.raises(CommandError):
        call_command("verify_segments", at=NOW)


def test_a_preview_counts_exactly_and_can_look_back() -> None:
    store_people([NaivePerson(events=[order(days)]) for days in (1, 5, 9)])
    result = preview(orders(window={"last": {"days": 7}}), at=NOW)
    assert (result.size, result.is_exact, len(result.sample)) == (2, True, 2)
    assert preview(orders(), at=NOW - timedelta(days=4)).size == 2


def test_a_preview_that_takes_too_long_is_an_estimate_with_its_interval() -> None:
    store_people([NaivePerson(traits={"a": number}) for number in range(30)])

    def wait(_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")

    with handled(checkpoints.COUNTING, wait):
        result = preview(trait("a", "lt", 15), exact_seconds=0.05)
    assert not result.is_exact
    low, high = result.interval or (0, 0)
    assert low <= 15 <= high <= 30
    assert result.size == 15


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (5, 10), (10, 10), (0, 0)])
def test_the_interval_holds_the_share_and_stays_between_0_and_1(
    successes: int, trials: int
) -> None:
    low, high = previews.wilson_interval(successes, trials)
    share = successes / trials if trials else 0.0
    assert 0 <= low <= share <= high + 1e-9 <= 1 + 1e-9


def test_numbers_of_a_definition_come_back_exactly() -> None:
    definition = (
        '{"type":"trait","key":"a","operator":"equals","value":0.1000000000000000000000000001}'
    )
    from profiles.lib import exact_json

    segment = make("kept", exact_json.loads(definition))
    segment.refresh_from_db()
    assert segment.definition == exact_json.loads(definition)


def test_events_of_an_evaluated_profile_count_at_once() -> None:
    profile_id = store_person(NaivePerson())
    build_segment(orders("gte", 2))
    add_events(profile_id, [order(1), order(2)])
    mark_changed([profile_id])
    refresh_changed(now=NOW)
    assert members_of() == {profile_id}


def test_memberships_are_not_moved_to_a_far_future() -> None:
    with pytest.raises(CommandError, match="60 days"):
        call_command("refresh", at=NOW.replace(year=2100))
