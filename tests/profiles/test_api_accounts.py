"""`/api/v1/accounts/`, and the accounts of a profile."""

from typing import Any

import pytest

from profiles.models import Profile, TrustLevel
from tests.factories import make_client, profile_of, send_messages

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/accounts/"


def group(user: str, account: str, traits: dict[str, Any], *, trust: int = 2) -> None:
    message = {"type": "group", "userId": user, "groupId": account, "traits": traits}
    send_messages(message, trust=trust)


def get(path: str, status: int = 200, scope: str = "profiles:read", **query: Any) -> Any:
    response = make_client(scope).get(path, query)
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def accounts() -> None:
    for number in range(3):
        group(f"u{number}", "acme", {"plan": "pro", "seats": 12})
    group(
        "u0", "globex", {"plan": "free", "email": "office@globex.example"}, trust=TrustLevel.CLAIM
    )
    group("eve", "acme", {"plan": "free"}, trust=TrustLevel.CLAIM)


@pytest.mark.usefixtures("accounts")
def test_accounts_are_listed_by_key_with_the_number_of_their_members() -> None:
    rows = get(ROUTE)["results"]
    assert [(row["key"], row["members"], row["vouched"]) for row in rows] == [
        ("acme", 3, True),
        ("globex", 1, False),
    ]
    assert rows[0]["traits"] == {"plan": "pro", "seats": 12}


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({"key": "globex"}, ["globex"]),
        ({"key": "glo"}, []),
        ({"vouched": "true"}, ["acme"]),
        ({"trait.plan": "free"}, ["globex"]),
        ({"trait.seats": "12"}, ["acme"]),
        ({"created_before": "2020-01-01T00:00:00Z"}, []),
        ({"created_after": "2020-01-01T00:00:00Z"}, ["acme", "globex"]),
    ],
)
def test_filters(query: dict[str, str], keys: list[str]) -> None:
    assert [row["key"] for row in get(ROUTE, **query)["results"]] == keys


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("query", [{"trait.email": "x"}, {"name": "x"}, {"trait.plan": "\x00"}])
def test_contact_data_and_unknown_filters_are_refused(query: dict[str, str]) -> None:
    (name,) = query
    error = get(ROUTE, 400, **query)["errors"][0]
    assert error["path"].startswith(name[:6] if name == "trait.plan" else name)


@pytest.mark.usefixtures("accounts")
def test_pages_go_on_where_the_last_one_ended() -> None:
    client = make_client("profiles:read")
    first = client.get(ROUTE, {"page_size": 1}).json()
    second = client.get(first["next"]).json()
    assert [row["key"] for page in (first, second) for row in page["results"]] == ["acme", "globex"]
    assert second["next"] is None


@pytest.mark.usefixtures("accounts")
def test_one_account_tells_who_gave_its_traits_their_values() -> None:
    account = get(f"{ROUTE}acme/")
    assert account["origins"]["plan"] | {"said_at": ""} == {
        "source": "shop",
        "trust": "server",
        "said_at": "",
    }
    assert account["members"] == 3
    get(f"{ROUTE}nobody/", 404)


@pytest.mark.usefixtures("accounts")
def test_members_are_people_once_each_page_by_page() -> None:
    send_messages({"userId": "u0", "anonymousId": "a0"})
    send_messages({"type": "group", "anonymousId": "a0", "groupId": "acme", "traits": {}})
    client = make_client("profiles:read")
    url, found = f"{ROUTE}acme/members/?page_size=2", []
    while url:
        answer = client.get(url).json()
        found += answer["results"]
        url = answer["next"]
    expected = [str(profile_of(f"user_id:u{number}").uuid) for number in range(3)]
    assert sorted(row["profile"] for row in found) == sorted(expected)
    assert all(row["vouched"] for row in found)
    assert get(f"{ROUTE}globex/members/", vouched="true")["results"] == []
    get(f"{ROUTE}nobody/members/", 404)


@pytest.mark.usefixtures("accounts")
def test_restricted_people_are_members_of_nothing() -> None:
    Profile.objects.filter(pk=profile_of("user_id:u1").pk).update(is_restricted=True)
    assert get(f"{ROUTE}acme/")["members"] == 2
    assert len(get(f"{ROUTE}acme/members/")["results"]) == 2


@pytest.mark.usefixtures("accounts")
def test_a_profile_lists_the_accounts_that_it_is_counted_in() -> None:
    profile = profile_of("user_id:u0")
    rows = get(f"/api/v1/profiles/{profile.uuid}/accounts/")["results"]
    assert {row["key"]: row["vouched"] for row in rows} == {"acme": True, "globex": False}
    assert rows[0]["traits"] == {"plan": "pro", "seats": 12}
    eve = profile_of("user_id:eve")
    assert get(f"/api/v1/profiles/{eve.uuid}/accounts/")["results"] == []
    Profile.objects.filter(pk=profile.pk).update(is_restricted=True)
    get(f"/api/v1/profiles/{profile.uuid}/accounts/", 403)


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("path", ["", "acme/", "acme/members/"])
def test_accounts_need_the_scope_of_people(path: str) -> None:
    get(f"{ROUTE}{path}", 403, scope="segments:read")
