"""Lists of people: who is on them, by every door, and what follows from it."""

from typing import Any

import pytest

from consent.services import NewRequest, act_on_requests, open_request
from profiles.models import Identifier, Merge, Profile
from segments.definitions.dependencies import check_definition
from segments.language.operands import DefinitionError
from segments.models import ListedPerson, Segment, StaticList
from segments.services import (
    SegmentError,
    add_people,
    create_list,
    delete_list,
    fill_list,
    people_on,
    refresh_changed,
    remove_people,
    resume_rebuilds,
    verify_memberships,
)
from tests.factories import TESTER, make_client, make_profile, send_messages
from tests.segments.evaluations import build_segment, members_of

pytestmark = pytest.mark.django_db
GUESTS = {"type": "list", "key": "guests"}
URL = "/api/v1/lists/"


@pytest.fixture
def guests() -> StaticList:
    return create_list(key="guests", name="Guests", actor=TESTER)


def people(row: StaticList) -> set[int]:
    return set(ListedPerson.objects.filter(list=row).values_list("profile_id", flat=True))


def open_erasure(reference: str) -> None:
    open_request(NewRequest(kind="erasure", references=(reference,)), door="service", actor=TESTER)


def test_whoever_is_put_on_a_list_enters_what_asks_for_it(guests: StaticList) -> None:
    ada, _bob = make_profile("email:ada@example.org"), make_profile("email:bob@example.org")
    build_segment(GUESTS)
    change = add_people(guests, ["email:Ada@Example.org", "email:no@example.org"], actor=TESTER)
    assert (change.people, change.unknown) == (1, [1])
    refresh_changed()
    assert members_of() == {ada.pk}
    # Twice is once.
    assert add_people(guests, ["email:ada@example.org"], actor=TESTER).people == 0
    assert remove_people(guests, ["email:ada@example.org"], actor=TESTER).people == 1
    refresh_changed()
    assert members_of() == set()


def test_a_list_is_filled_with_whom_a_definition_holds_for(guests: StaticList) -> None:
    ada, bob = make_profile("user_id:1"), make_profile("user_id:2")
    Profile.objects.filter(pk=ada.pk).update(traits={"city": "Lyon"})
    lyon = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
    assert fill_list(guests, lyon, actor=TESTER).people == 1
    assert people(guests) == {ada.pk}
    # It is no living segment.
    Profile.objects.filter(pk=ada.pk).update(traits={})
    assert fill_list(guests, {"type": "everyone"}, actor=TESTER).people == 1
    assert people(guests) == {ada.pk, bob.pk}
    with pytest.raises(DefinitionError):
        fill_list(guests, {"type": "list", "key": "none"}, actor=TESTER)


def test_many_at_once_rebuild_what_asks_for_the_list_and_queue_nobody(
    guests: StaticList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segments.lists.people.FEW_PEOPLE", 10)
    everybody = {make_profile(f"user_id:{number}").pk for number in range(3)}
    build_segment(GUESTS)
    refresh_changed()
    assert resume_rebuilds() == 0
    fill_list(guests, {"type": "everyone"}, actor=TESTER)
    assert refresh_changed() == 0
    assert resume_rebuilds() == 1
    assert members_of() == everybody
    assert set(verify_memberships().values()) == {0}


def test_a_list_follows_a_merge_and_an_erasure(guests: StaticList) -> None:
    send_messages({"anonymousId": "a"}, {"userId": "1"})
    ada = Identifier.objects.get(namespace="anonymous_id").profile_id
    build_segment(GUESTS)
    add_people(guests, ["anonymous_id:a", "user_id:1"], actor=TESTER)
    assert people_on(guests) == 2
    send_messages({"anonymousId": "a", "userId": "1"})
    refresh_changed()
    [survivor] = people(guests)
    assert people_on(guests) == 1
    assert ListedPerson.objects.count() == 2
    assert ada in {survivor, *Merge.objects.values_list("absorbed_id", flat=True)}
    assert members_of() == {survivor}
    open_erasure("user_id:1")
    act_on_requests()
    assert not ListedPerson.objects.exists()


def test_a_list_that_a_live_segment_asks_for_stays(guests: StaticList) -> None:
    segment = build_segment(GUESTS)
    with pytest.raises(SegmentError, match="kept"):
        delete_list(guests, actor=TESTER)
    Segment.objects.filter(pk=segment.pk).update(status="archived")
    make_profile("user_id:1")
    add_people(guests, ["user_id:1"], actor=TESTER)
    delete_list(guests, actor=TESTER)
    assert not ListedPerson.objects.exists()
    with pytest.raises(DefinitionError, match="no such list"):
        check_definition(GUESTS)


def test_the_routes_of_lists_name_people_in_the_body_and_by_place_in_the_answer() -> None:
    make_profile("email:ada@example.org")
    client = make_client()
    body = {"key": "guests", "name": "Guests"}
    assert client.post(URL, body).status_code == 201
    assert client.post(URL, body).json()["errors"][0]["path"] == "key"
    named = {"identifiers": ["email:no@example.org", "email:ada@example.org"]}
    assert client.post(f"{URL}guests/add/", named).json() == {"people": 1, "unknown": [0]}
    [member] = client.get(f"{URL}guests/members/").json()["results"]
    assert member["profile"] == str(Profile.objects.get().uuid)
    assert client.get(f"{URL}guests/").json()["size"] == 1
    assert client.patch(f"{URL}guests/", {"name": "Press"}).json()["name"] == "Press"
    assert client.post(f"{URL}guests/remove/", named).json() == {"people": 1, "unknown": [0]}
    assert client.delete(f"{URL}guests/").status_code == 204
    too_many = {"identifiers": [f"user_id:{number}" for number in range(1001)]}
    assert client.post(f"{URL}guests/add/", too_many).status_code == 400


def test_a_key_that_may_not_read_people_neither_names_them_nor_counts_by_what_hides_them() -> None:
    make_profile("email:ada@example.org")
    full = make_client()
    blind = make_client("segments:read", "segments:write")
    assert blind.post(URL, {"key": "guests", "name": "Guests"}).status_code == 201
    named: dict[str, Any] = {"identifiers": ["email:ada@example.org"]}
    for verb in ("add", "remove"):
        assert blind.post(f"{URL}guests/{verb}/", named).status_code == 403
    contact = {"type": "trait", "key": "email", "operator": "exists"}
    fill = {"definition": contact}
    assert blind.post(f"{URL}guests/fill/", fill).status_code == 403
    assert blind.post("/api/v1/segments/preview/", {"definition": GUESTS}).status_code == 200
    Profile.objects.update(traits={"email": "ada@example.org"})
    assert full.post(f"{URL}guests/fill/", fill).json()["people"] == 1
    # From now on the list answers a question that the key may not ask.
    assert blind.post("/api/v1/segments/preview/", {"definition": GUESTS}).status_code == 403
    assert blind.get(f"{URL}guests/members/").status_code == 403
    assert blind.get(f"{URL}guests/").status_code == 403
    # Filling it with others would tell how many of them are on it.
    everyone = {"definition": {"type": "everyone"}}
    assert blind.post(f"{URL}guests/fill/", everyone).status_code == 403
