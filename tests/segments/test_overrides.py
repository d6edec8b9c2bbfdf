"""People kept in a segment or out of it by hand, and exclusive groups of segments."""

from datetime import timedelta
from typing import Any

import pytest

from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from segments.definitions.dependencies import check_definition
from segments.language.operands import DefinitionError
from segments.memberships.refresh import queue_due
from segments.models import ExclusiveGroup, Membership, MembershipChange, Override, Segment
from segments.services import (
    Decision,
    SegmentError,
    archive_segment,
    compare,
    create_group,
    delete_group,
    preview,
    rebuild,
    refresh_changed,
    refresh_due,
    release_overrides,
    resume_rebuilds,
    set_overrides,
    update_group,
    verify_memberships,
    why,
)
from tests.factories import TESTER, make_client, make_profile, send_messages
from tests.segments.evaluations import build_segment, change_traits, members_of, negation, trait

pytestmark = pytest.mark.django_db
LYON = trait("city", "equals", "Lyon")
EVERYONE = {"type": "everyone"}
INCLUDE, EXCLUDE = Override.Kind.INCLUDE, Override.Kind.EXCLUDE


@pytest.fixture
def ada() -> Profile:
    return make_profile("user_id:ada")


def decide(segment: Segment, kind: Override.Kind, *references: str, **fields: Any) -> None:
    decision = Decision(kind, "The owner asked for it.", **fields)
    set_overrides(segment, references or ("user_id:ada",), decision, actor=TESTER)


def drift() -> set[int | None]:
    return set(verify_memberships().values())


def test_who_is_decided_about_is_in_or_out_at_once_and_by_the_reason_override(ada: Profile) -> None:
    segment = build_segment(LYON)
    decide(segment, INCLUDE)
    assert members_of() == {ada.pk}
    change_traits(ada.pk, city="Paris")
    rebuild(["kept"])
    assert members_of() == {ada.pk}
    change_traits(ada.pk, city="Lyon")
    decide(segment, EXCLUDE)
    assert members_of() == set()
    release_overrides(segment, ["user_id:ada"], actor=TESTER)
    assert members_of() == {ada.pk}
    reasons = MembershipChange.objects.values_list("reason", flat=True)
    assert set(reasons) == {"override"}
    assert drift() == {0}


def test_a_decision_ends_at_its_end_and_not_before(ada: Profile) -> None:
    segment, now = build_segment(LYON), database_now()
    end = now + timedelta(hours=1)
    decide(segment, INCLUDE, ends_at=end)
    assert why(Segment.objects.get(), ada).flips_at == end
    refresh_due(now=end - timedelta(microseconds=1))
    assert members_of() == {ada.pk}
    refresh_due(now=end)
    assert members_of() == set()
    assert MembershipChange.objects.latest("changed_at").reason == "time"


def test_a_decision_that_is_to_come_flips_then(ada: Profile) -> None:
    segment, now = build_segment(EVERYONE), database_now()
    start = now + timedelta(hours=1)
    decide(segment, EXCLUDE, starts_at=start, ends_at=start + timedelta(hours=1))
    assert members_of() == {ada.pk}
    queue_due(now=start)
    refresh_due(now=start)
    assert members_of() == set()
    refresh_due(now=start + timedelta(hours=1))
    assert members_of() == {ada.pk}
    with pytest.raises(SegmentError, match="after the start"):
        decide(segment, EXCLUDE, starts_at=start, ends_at=start)


def test_after_a_merge_exclusion_beats_inclusion(ada: Profile) -> None:
    send_messages({"anonymousId": "a"}, {"userId": "1"})
    segment = build_segment(EVERYONE)
    decide(segment, INCLUDE, "user_id:1")
    decide(segment, EXCLUDE, "anonymous_id:a")
    send_messages({"anonymousId": "a", "userId": "1"})
    refresh_changed()
    survivor = Identifier.objects.get(namespace="user_id", value="1").profile_id
    assert members_of() == {ada.pk}
    assert set(Override.objects.values_list("profile_id", flat=True)) == {survivor}
    # A new decision takes the place of both.
    decide(segment, INCLUDE, "user_id:1")
    assert members_of() == {ada.pk, survivor}


def test_restriction_beats_inclusion(ada: Profile) -> None:
    segment = build_segment(LYON)
    Profile.objects.filter(pk=ada.pk).update(is_restricted=True)
    decide(segment, INCLUDE)
    assert members_of() == set()
    assert drift() == {0}


def test_other_segments_previews_and_why_see_the_decision(ada: Profile) -> None:
    segment = build_segment(LYON)
    build_segment(negation({"type": "segment", "key": "kept"}), key="others")
    assert members_of("others") == {ada.pk}
    decide(segment, INCLUDE)
    assert members_of("others") == set()
    assert preview(LYON, key="kept").size == 1
    assert preview(LYON).size == 0
    comparison = compare(Segment.objects.get(key="kept"), trait("city", "equals", "Paris"))
    assert (comparison.entering, comparison.leaving) != (None, None)
    assert comparison.leaving is not None
    assert comparison.leaving.size == 0
    answer = why(Segment.objects.get(key="kept"), ada)
    assert answer.is_member
    assert not answer.tree["holds"]
    assert [override.kind for override in answer.overrides] == ["include"]
    assert answer.missing == []


@pytest.fixture
def group(ada: Profile) -> ExclusiveGroup:
    """Two segments of everybody, of which the first has them."""
    for key in ("first", "second"):
        build_segment(EVERYONE, key=key)
    return create_group(key="offers", name="Offers", segments=["first", "second"], actor=TESTER)


def test_of_a_group_a_person_is_in_the_first_segment_that_would_have_them(
    group: ExclusiveGroup, ada: Profile
) -> None:
    assert resume_rebuilds() == 1
    assert (members_of("first"), members_of("second")) == ({ada.pk}, set())
    assert why(Segment.objects.get(key="second"), ada).better == ["first"]
    update_group(group, actor=TESTER, changes={"segments": ["second", "first"]})
    assert resume_rebuilds() == 1
    assert (members_of("first"), members_of("second")) == (set(), {ada.pk})
    delete_group(group, actor=TESTER)
    while resume_rebuilds():
        pass
    assert members_of("first") == members_of("second") == {ada.pk}
    assert drift() == {0}


def test_inclusion_beats_the_order_of_a_group_and_exclusion_gives_way(
    group: ExclusiveGroup, ada: Profile
) -> None:
    resume_rebuilds()
    first, second = (Segment.objects.get(key=key) for key in ("first", "second"))
    decide(second, INCLUDE)
    assert (members_of("first"), members_of("second")) == (set(), {ada.pk})
    # Both include: the order decides.
    decide(first, INCLUDE)
    assert (members_of("first"), members_of("second")) == ({ada.pk}, set())
    decide(first, EXCLUDE)
    assert (members_of("first"), members_of("second")) == (set(), {ada.pk})
    assert drift() == {0}


def test_a_segment_that_ends_gives_its_people_to_the_next_of_its_group(
    group: ExclusiveGroup, ada: Profile
) -> None:
    resume_rebuilds()
    archive_segment(Segment.objects.get(key="first"), actor=TESTER)
    assert resume_rebuilds() == 1
    assert members_of("second") == {ada.pk}


def test_a_new_definition_of_one_moves_its_people_in_the_same_swap(
    group: ExclusiveGroup, ada: Profile
) -> None:
    resume_rebuilds()
    first = Segment.objects.get(key="first")
    first.definition, first.version = LYON, 2
    first.save()
    assert resume_rebuilds() == 1
    assert (members_of("first"), members_of("second")) == (set(), {ada.pk})
    moved = Membership.objects.get(segment__key="second")
    left = MembershipChange.objects.filter(segment=first, has_entered=False).latest("changed_at")
    assert moved.entered_at == left.changed_at


def test_no_segment_leans_on_itself_through_its_group(ada: Profile) -> None:
    build_segment(EVERYONE, key="first")
    build_segment({"type": "segment", "key": "first"}, key="second")
    with pytest.raises(SegmentError, match="lean on itself"):
        create_group(key="a", name="A", segments=["second", "first"], actor=TESTER)
    create_group(key="b", name="B", segments=["first", "second"], actor=TESTER)
    with pytest.raises(DefinitionError, match="lean on itself"):
        check_definition({"type": "segment", "key": "second"}, key="first")
    with pytest.raises(SegmentError, match="another group"):
        create_group(key="c", name="C", segments=["first"], actor=TESTER)
    with pytest.raises(SegmentError, match="no segment"):
        create_group(key="c", name="C", segments=["nowhere"], actor=TESTER)


def test_the_routes_of_overrides_and_groups(ada: Profile) -> None:
    build_segment(LYON)
    client, url = make_client(), "/api/v1/segments/kept/"
    named = {"identifiers": ["user_id:ada", "user_id:no"]}
    body = named | {"reason": "A friend of the house."}
    assert client.post(f"{url}include/", body).json() == {"people": 1, "unknown": [1]}
    [row] = client.get(f"{url}overrides/").json()["results"]
    assert (row["profile"], row["kind"]) == (str(ada.uuid), "include")
    answer = client.get(f"{url}why/", {"profile": str(ada.uuid)}).json()
    assert answer["overrides"][0]["reason"] == body["reason"]
    assert client.post(f"{url}exclude/", body).json()["people"] == 1
    assert client.post(f"{url}release/", named).json()["people"] == 1
    assert client.post(f"{url}include/", named).status_code == 400
    blind = make_client("segments:read", "segments:write")
    assert blind.post(f"{url}include/", body).status_code == 403
    assert client.post(f"{url}include/", body).json()["people"] == 1
    reasons = [
        each.get(f"{url}overrides/").json()["results"][0]["reason"] for each in (client, blind)
    ]
    assert reasons == [body["reason"], ""]
    groups = "/api/v1/exclusive-groups/"
    made = client.post(groups, {"key": "offers", "name": "Offers", "segments": ["kept"]})
    assert made.json()["segments"] == ["kept"]
    changed = client.patch(f"{groups}offers/", {"segments": ["kept", "kept"]})
    assert changed.json()["errors"][0]["path"] == "segments"
    assert client.delete(f"{groups}offers/").status_code == 204


def test_nothing_leaves_a_paused_segment_for_its_purpose_and_it_is_evaluated(ada: Profile) -> None:
    build_segment(LYON)
    client, url = make_client(), "/api/v1/segments/kept/"
    assert client.post(f"{url}pause/").json()["paused_at"] is not None
    change_traits(ada.pk, city="Lyon")
    rebuild(["kept"])
    assert members_of() == {ada.pk}
    assert client.get(f"{url}members/", {"purpose": "newsletter"}).status_code == 409
    assert client.get(f"{url}members/").status_code == 200
    assert client.post(f"{url}resume/").json()["paused_at"] is None
    assert client.get(f"{url}members/", {"purpose": "newsletter"}).status_code == 200


def test_a_key_that_may_not_read_people_groups_nothing_with_what_is_hidden(ada: Profile) -> None:
    build_segment(LYON)
    build_segment(trait("email", "exists"), key="hidden")
    full, blind = make_client(), make_client("segments:read", "segments:write")
    groups = "/api/v1/exclusive-groups/"
    body = {"key": "offers", "name": "Offers", "segments": ["hidden", "kept"]}
    assert blind.post(groups, body).status_code == 403
    assert blind.post(groups, body | {"segments": ["kept"]}).status_code == 201
    assert blind.patch(f"{groups}offers/", {"segments": ["hidden", "kept"]}).status_code == 403
    assert full.patch(f"{groups}offers/", {"segments": ["hidden", "kept"]}).status_code == 200
    assert blind.patch(f"{groups}offers/", {"segments": ["kept"]}).status_code == 403
    assert blind.patch(f"{groups}offers/", {"name": "Gifts"}).status_code == 200
    assert blind.delete(f"{groups}offers/").status_code == 403
    assert full.delete(f"{groups}offers/").status_code == 204
