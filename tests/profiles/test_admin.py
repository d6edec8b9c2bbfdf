"""Profiles in the admin: the search by exact identifier, the page of a profile, and masks."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from profiles.admin.kit.masks import Mask
from profiles.admin.profile.changelist import find_profiles
from profiles.admin.profile.correction import parse_value
from profiles.models import (
    ApiKey,
    Event,
    Identifier,
    Profile,
    ProfileChange,
    TraitDefinition,
    TraitLock,
)
from profiles.models.access import Scope
from profiles.services import actor_names
from tests.admin import make_world, sign_in
from tests.admin_people import make_events, make_person
from tests.factories import make_identifier, make_profile, make_source, profile_of, send_messages

pytestmark = pytest.mark.django_db
FIND = "admin:profiles_profile_find"


def page_of(profile: Profile) -> str:
    return reverse("admin:profiles_profile_change", args=[profile.pk])


@pytest.mark.parametrize(
    "query",
    [
        "email:ada@example.org",
        "Ada@Example.org ",
        "ada@example.org",
        "user_id:u-1",
        "u-1",
        "phone:+33639980000",
        "06 39 98 00 00",
    ],
)
def test_a_person_is_found_by_any_identifier_in_any_spelling(query: str) -> None:
    profile = make_profile("email:ada@example.org", "user_id:u-1", "phone:+33639980000")
    response = sign_in().post(reverse(FIND), {"identifier": query})
    assert response.status_code == 302
    assert response["Location"] == page_of(profile)


def test_a_profile_is_found_by_its_public_uuid() -> None:
    profile = make_profile("email:ada@example.org")
    assert find_profiles(str(profile.uuid)) == [profile.pk]


def test_part_of_an_identifier_finds_nobody() -> None:
    make_profile("email:ada@example.org")
    for query in ("ada", "example.org", "email:ada", "%", "ada%"):
        assert find_profiles(query) == []


def test_what_is_searched_for_is_in_no_address() -> None:
    make_profile("email:ada@example.org")
    client = sign_in()
    for query in ("ada@example.org", "nobody@example.org"):
        response = client.post(reverse(FIND), {"identifier": query})
        assert query not in response["Location"]


def test_a_value_that_two_people_hold_in_two_namespaces_shows_both() -> None:
    first, second = make_profile("user_id:42"), make_profile("crm_id:42")
    response = sign_in().post(reverse(FIND), {"identifier": "42"})
    page = response.content.decode()
    assert response.status_code == 200
    assert str(first.uuid) in page
    assert str(second.uuid) in page


def test_the_page_shows_each_trait_with_its_origin_and_what_lost() -> None:
    profile = make_world()["profile"]
    page = sign_in().get(page_of(profile)).content.decode()
    assert "shop, server" in page
    assert "<s>Paris</s>" in page
    assert "claim" in page


def test_the_page_takes_the_same_number_of_queries_however_much_there_is() -> None:
    world = make_world()
    client, profile = sign_in(), world["profile"]
    # The first look is written down.
    client.get(page_of(profile))
    few = count_queries(client, page_of(profile))
    identifier = Identifier.objects.filter(profile=profile).first()
    assert identifier is not None
    for number in range(20):
        make_identifier(f"anonymous_id:more-{number}", profile=profile)
    make_events(profile, identifier, world["source"], 60)
    assert count_queries(client, page_of(profile)) == few <= 50


def test_the_timeline_continues_where_it_ended_and_shows_every_event_once() -> None:
    world = make_world()
    profile = make_person(world["source"], world["purpose"], world["segment"], events=95)
    client, url, seen = sign_in(), page_of(profile), []
    while url:
        timeline = client.get(url).context["timeline"]
        seen += [row.at for day in timeline.days for row in day.rows]
        url = f"{page_of(profile)}?before={timeline.older}" if timeline.older else ""
    assert len(seen) == len(set(seen)) == Event.objects.filter(profile=profile).count() == 95
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("before", ["x", "1~x", "~", "99999999999999999999999~x", "1e5~", "-1"])
def test_a_bad_place_in_the_timeline_starts_from_the_top(before: str) -> None:
    profile = make_world()["profile"]
    response = sign_in().get(page_of(profile), {"before": before, "name": before})
    assert response.status_code == 200
    assert response.context["timeline"].days


def test_the_timeline_of_one_event_name_has_no_other() -> None:
    world = make_world()
    profile = world["profile"]
    name = Event.objects.filter(profile=profile).first().name_id  # type: ignore[union-attr]
    timeline = sign_in().get(page_of(profile), {"name": name}).context["timeline"]
    assert {row.name for day in timeline.days for row in day.rows} == {"Order Completed"}
    assert not sign_in().get(page_of(profile), {"name": name + 999}).context["timeline"].days


def test_who_may_not_see_contacts_sees_no_name_address_or_number() -> None:
    world = make_world()
    profile = make_profile("email:grace@example.org", "phone:+33639980099")
    Profile.objects.filter(pk=profile.pk).update(
        traits={"email": "grace@example.org", "firstName": "Grace", "city": "Lyon"}
    )
    marketer = sign_in("marketer")
    list_url = reverse("admin:profiles_profile_changelist")
    pages = [page_of(profile), page_of(world["profile"]), list_url]
    pages.append(reverse("admin:segments_segment_change", args=[world["segment"].pk]))
    for url in pages:
        page = marketer.get(url).content.decode()
        for secret in ("grace@", "Grace", "Lovelace", "39980099", "ada.private@", "203.0.113.9"):
            assert secret not in page, (url, secret)
    assert "Lyon" not in marketer.get(page_of(profile)).content.decode()
    TraitDefinition.objects.create(key="city", type="text", is_reviewed=True)
    assert "Lyon" in marketer.get(page_of(profile)).content.decode()
    assert "grace@example.org" in sign_in("steward").get(page_of(profile)).content.decode()


def test_known_people_are_told_from_those_who_only_passed_by() -> None:
    known, passing = make_profile("email:ada@example.org"), make_profile("anonymous_id:a-1")
    Profile.objects.filter(pk=known.pk).update(traits={"city": "Lyon"})
    client, url = sign_in(), reverse("admin:profiles_profile_changelist")
    for choice, expected in (("yes", [known]), ("no", [passing]), ("", [passing, known])):
        response = client.get(url, {"known": choice} if choice else {})
        assert list(response.context["cl"].result_list) == expected


def test_a_trait_that_staff_marked_as_contact_is_hidden_too() -> None:
    profile = make_profile("email:ada@example.org")
    Profile.objects.filter(pk=profile.pk).update(traits={"badge number": "B-7781"})
    marketer = sign_in("marketer")
    definition = TraitDefinition.objects.create(key="badge number", type="text", is_reviewed=True)
    assert "B-7781" in marketer.get(page_of(profile)).content.decode()
    TraitDefinition.objects.filter(pk=definition.pk).update(category="contact")
    assert "B-7781" not in marketer.get(page_of(profile)).content.decode()


def test_a_mask_hides_addresses_and_numbers_within_texts_and_leaves_dates() -> None:
    mask = Mask(is_open=False)
    masked = mask.tree(
        {
            "note": "write to ada@example.org or +33 6 39 98 00 00, or 06 39 98 00 00",
            "when": "2026-03-15T12:00:00",
            "order": 20260315001,
            "user": {"lastName": "Lovelace", "size": 43},
            "list": [{"Email": "a@b.example"}],
        }
    )
    assert masked["note"] == "write to ••• or •••, or •••"
    assert masked["when"] == "2026-03-15T12:00:00"
    assert masked["order"] == 20260315001
    assert masked["user"] == {"lastName": "L•••", "size": 43}
    assert masked["list"] == [{"Email": "a•••"}]


def test_a_restricted_profile_shows_nothing_but_its_name_to_who_may_not_see_it() -> None:
    profile = make_world()["profile"]
    Profile.objects.filter(pk=profile.pk).update(is_restricted=True)
    for role in ("marketer", "steward"):
        page = sign_in(role).get(page_of(profile)).content.decode()
        assert "restricted" in page
        assert "Lyon" not in page
        assert "Lovelace" not in page
        response = sign_in(role).get(reverse("admin:profiles_profile_changelist"))
        rows = {row.pk: row for row in response.context["cl"].result_list}
        row = rows[profile.pk]
        assert row.masked_traits == {}
        assert row.masked_name == ""
    assert "Lyon" in sign_in("privacy officer").get(page_of(profile)).content.decode()


def test_a_correction_with_a_reason_locks_the_trait() -> None:
    profile = make_world()["profile"]
    url = reverse("admin:profiles_profile_rectify", args=[profile.pk])
    steward = sign_in("steward")
    body = {"key": "city", "type": "text", "value": "Nantes", "reason": ""}
    assert steward.post(url, body).status_code == 200
    assert not TraitLock.objects.exists()
    assert steward.post(url, body | {"reason": "said so by phone"}).status_code == 302
    lock = TraitLock.objects.get()
    assert (lock.key, lock.value, lock.reason) == ("city", "Nantes", "said so by phone")
    assert actor_names([lock.actor])[lock.actor].startswith("steward")
    profile.refresh_from_db()
    assert profile.traits["city"] == "Nantes"
    assert "corrected by steward" in steward.get(page_of(profile)).content.decode()


def test_a_marketer_corrects_nothing() -> None:
    profile = make_world()["profile"]
    url = reverse("admin:profiles_profile_rectify", args=[profile.pk])
    body = {"key": "city", "type": "text", "value": "Nantes", "reason": "why not"}
    assert sign_in("marketer").post(url, body).status_code == 403
    assert not TraitLock.objects.exists()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "5", "5"),
        ("number", "5", 5),
        ("number", "5.5", 5.5),
        ("boolean", "true", True),
        ("list", '["a"]', ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("date", "1990-12-31", "1990-12-31"),
        ("empty", "", None),
    ],
)
def test_a_value_is_read_as_the_kind_it_is_said_to_be(kind: str, text: str, value: Any) -> None:
    assert parse_value(kind, text) == value
    assert type(parse_value(kind, text)) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "true"),
        ("number", "x"),
        ("boolean", "1"),
        ("list", "{}"),
        ("date", "soon"),
        ("text", ""),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_value(kind, text)


def test_a_new_policy_chooses_golden_values_again_at_once() -> None:
    send_messages({"userId": "u-1", "traits": {"city": "Lyon"}}, source="crm")
    send_messages({"userId": "u-1", "traits": {"city": "Paris"}}, source="shop")
    profile = profile_of("user_id:u-1")
    assert profile.traits["city"] == "Paris"
    definition = TraitDefinition.objects.get(key="city")
    url = reverse("admin:profiles_traitdefinition_change", args=[definition.pk])
    body = {"label": "City", "type": "text", "category": "ordinary", "policy": "first"}
    body |= {"origin": "given"}
    ProfileChange.objects.all().delete()
    assert sign_in("steward").post(url, body).status_code == 302
    profile.refresh_from_db()
    assert profile.traits["city"] == "Lyon"
    assert ProfileChange.objects.filter(profile_id=profile.pk).exists()
    source = make_source(key="shop")
    page = reverse("admin:profiles_source_change", args=[source.pk])
    sign_in("steward").post(url, body | {"policy": "source_order"})
    sign_in("steward").post(page, {"name": "Shop", "priority": "1", "party": "first"})
    profile.refresh_from_db()
    assert profile.traits["city"] == "Paris"


def test_values_that_say_nothing_are_ignored_by_the_policy_for_it_and_by_no_other() -> None:
    for city in ("Lyon", " "):
        send_messages({"userId": "u-1", "traits": {"city": city, "plan": city}}, source="crm")
        TraitDefinition.objects.filter(key="city").update(policy="not_empty")
    send_messages({"userId": "u-1", "traits": {"city": None, "plan": None}}, source="shop")
    assert profile_of("user_id:u-1").traits == {"city": "Lyon"}
    send_messages({"userId": "u-1", "traits": {"city": "Rome"}}, source="shop")
    assert profile_of("user_id:u-1").traits == {"city": "Rome"}


@pytest.mark.parametrize(
    ("key", "value", "widget"),
    [
        ("city", "Lyon", 'type="text" name="value" value="Lyon"'),
        ("birth_date", "1990-12-31", 'type="date" name="value" value="1990-12-31"'),
        ("last_visit", "1990-12-31T08:30:00Z", 'type="text" name="value" value="1990-'),
        ("visits", 3, 'type="number" name="value" value="3"'),
        ("is_member", True, '<option value="true" selected'),
        ("interests", ["tennis"], "[&quot;tennis&quot;]</textarea>"),
    ],
)
def test_a_trait_is_corrected_in_its_own_type_and_unlocked_again(
    key: str, value: Any, widget: str
) -> None:
    send_messages({"userId": "u-1", "traits": {key: value}}, source="crm")
    profile = profile_of("user_id:u-1")
    kind = "date" if isinstance(value, str) and "1990" in value else None
    if kind:
        TraitDefinition.objects.filter(key=key).update(type=kind)
    url = reverse("admin:profiles_profile_rectify", args=[profile.pk]) + f"?key={key}"
    steward = sign_in("steward")
    page = steward.get(url).content.decode()
    assert widget in page
    assert 'value="unlocked"' not in page
    body = {"key": key, "type": "empty", "value": "", "reason": "they said so"}
    assert steward.post(url, body).status_code == 302
    assert profile_of("user_id:u-1").traits == {}
    assert 'value="unlocked"' in steward.get(url).content.decode()
    assert steward.post(url, body | {"type": "unlocked"}).status_code == 302
    assert profile_of("user_id:u-1").traits == {key: value}


def test_an_api_key_is_shown_once_and_revoked() -> None:
    client = sign_in()
    url = reverse("admin:profiles_apikey_add")
    response = client.post(
        url, {"name": "till", "scopes": [Scope.PROFILES_READ, Scope.EVENTS_WRITE]}
    )
    key = ApiKey.objects.get()
    secret = response.context["secret"]
    assert secret.startswith(key.prefix)
    assert "no-store" in response["Cache-Control"]
    assert key.scopes == ["events:write", "profiles:read"]
    for later in (url, reverse("admin:profiles_apikey_change", args=[key.pk])):
        assert secret not in client.get(later).content.decode()
    client.post(reverse("admin:profiles_apikey_revoke", args=[key.pk]))
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_an_api_key_without_scopes_is_refused() -> None:
    response = sign_in().post(reverse("admin:profiles_apikey_add"), {"name": "till"})
    assert response.status_code == 200
    assert not ApiKey.objects.exists()


def count_queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
