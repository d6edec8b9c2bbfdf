"""Accounts in the admin: their list, the page of one, and the section of a person's page."""

from typing import Any

import pytest

from profiles.models import Account, Profile
from tests.admin import make_world, sign_in
from tests.factories import profile_of, send_messages

pytestmark = pytest.mark.django_db
LIST = "/admin/profiles/account/"
SECRET = "ada.private@example.org"


def page(url: str, role: str = "", **query: str) -> str:
    response: Any = sign_in(role).get(url, query)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def account() -> Account:
    send_messages(
        {"userId": "u1", "traits": {"name": "Ada"}},
        {
            "type": "group",
            "userId": "u1",
            "groupId": "acme",
            "traits": {"plan": "pro", "contact_email": SECRET},
        },
    )
    return Account.objects.get()


def test_the_list_counts_members_and_sums_traits_up(account: Account) -> None:
    html = page(LIST)
    assert "acme" in html
    assert "plan: pro" in html
    assert "vouched" in html


def test_the_page_shows_traits_with_their_source_and_members(account: Account) -> None:
    html = page(f"{LIST}{account.pk}/change/")
    assert "shop, server" in html
    assert SECRET in html
    assert f"/admin/profiles/profile/{profile_of('user_id:u1').pk}/change/" in html
    assert "1 member" in html


def test_restricted_people_are_on_no_page_of_an_account(account: Account) -> None:
    Profile.objects.update(is_restricted=True)
    html = page(f"{LIST}{account.pk}/change/")
    assert "0 members" in html
    assert "Nobody." in html


def test_a_marketer_sees_neither_contacts_nor_finds_accounts_by_parts_of_them(
    account: Account,
) -> None:
    team = Account.objects.create(key=f"team of {SECRET}")
    link = f"{LIST}{team.pk}/change/"
    assert SECRET not in page(f"{LIST}{account.pk}/change/", "marketer")
    html = page(LIST, "marketer")
    assert SECRET not in html
    assert "acme" in html
    assert "acme" in page(LIST, "marketer", q="acme")
    assert link not in page(LIST, "marketer", q="private")
    assert link in page(LIST, q="private")


def test_a_persons_page_lists_their_accounts(account: Account) -> None:
    html = page(f"/admin/profiles/profile/{profile_of('user_id:u1').pk}/change/")
    assert f"{LIST}{account.pk}/change/" in html
    assert "plan: pro" in html


def test_a_missing_account_is_not_found() -> None:
    make_world()
    assert sign_in().get(f"{LIST}999999999/change/").status_code == 404
