"""The second factor of staff: set up, given, lost, and needed on every page of the admin."""

import re
import time
from binascii import unhexlify
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles.models import AuditEntry
from tests.admin import sign_in
from tests.config.walks import routes

pytestmark = pytest.mark.django_db
STEP, SETUP = "/admin/second-factor/", "/admin/second-factor/setup/"
OVERVIEW = "/admin/second-factor/overview/"


def code_of(device: TOTPDevice, *, later: int = 0) -> str:
    """The code that the authenticator shows so many steps from now."""
    totp = TOTP(unhexlify(device.key), device.step, device.t0, device.digits)
    totp.time = time.time() + later * device.step
    return f"{totp.token():06}"


def set_up(client: Client) -> tuple[TOTPDevice, list[str]]:
    """Set up the second factor of who is logged in; return it and the recovery codes."""
    assert client.get(SETUP).status_code == 200
    device = TOTPDevice.objects.get(user_id=client.session["_auth_user_id"], confirmed=False)
    page = client.post(SETUP, {"code": code_of(device)}).content.decode()
    codes = re.findall(r"<li>([a-z2-7]{8})</li>", page)
    assert len(codes) == 10
    device.refresh_from_db()
    return device, codes


def again(client: Client) -> Client:
    """The same person, who has logged in anew by the password alone."""
    other = Client()
    other.force_login(User.objects.get(pk=client.session["_auth_user_id"]))
    return other


def test_who_has_a_second_factor_sees_no_page_of_the_admin_without_the_code() -> None:
    first = sign_in()
    set_up(first)
    assert first.get("/admin/").status_code == 200
    client = again(first)
    pages = {path for path, _ in routes(below="/admin/")}
    assert len(pages) > 200
    for path in pages - {f"/admin/{name}/" for name in ("login", "logout", "language", "jsi18n")}:
        if path != STEP:
            assert client.get(path)["Location"].startswith(STEP), path


def test_the_code_opens_the_page_that_was_asked_for_and_counts_once() -> None:
    first = sign_in()
    device, _ = set_up(first)
    client = again(first)
    location = client.get("/admin/profiles/profile/?q=1")["Location"]
    code = code_of(device, later=1)
    before = client.session.session_key
    assert client.post(location, {"code": code})["Location"] == "/admin/profiles/profile/?q=1"
    assert client.session.session_key != before
    assert client.get("/admin/").status_code == 200
    assert again(first).post(STEP, {"code": code}).status_code == 200, "it was used"


def test_the_way_back_leads_to_no_other_site() -> None:
    first = sign_in()
    device, _ = set_up(first)
    address = f"{STEP}?next=https://evil.example/"
    assert again(first).post(address, {"code": code_of(device, later=1)})["Location"] == "/admin/"


def test_a_wrong_code_opens_nothing_and_makes_the_next_one_wait() -> None:
    first = sign_in()
    device, _ = set_up(first)
    client = again(first)
    for code in ("000000", "abcdefgh", "", "１２３"):
        assert client.post(STEP, {"code": code}).status_code == 200
    assert client.get("/admin/")["Location"].startswith(STEP)
    assert client.post(STEP, {"code": code_of(device, later=1)}).status_code == 200, "it waits"


def test_a_recovery_code_opens_once() -> None:
    first = sign_in()
    _, codes = set_up(first)
    client = again(first)
    assert client.post(STEP, {"code": codes[0].upper()}).status_code == 302
    assert again(first).post(STEP, {"code": codes[0]}).status_code == 200
    assert "9 recovery codes are left" in client.get(OVERVIEW).content.decode()


def test_a_password_alone_replaces_no_second_factor() -> None:
    first = sign_in()
    set_up(first)
    client = again(first)
    for answer in (client.get(SETUP), client.post(SETUP, {"code": "123456"})):
        assert answer["Location"] == STEP
    for body in ({"step": "remove"}, {"step": "renew"}):
        assert client.post(OVERVIEW, body)["Location"] == STEP
    assert TOTPDevice.objects.count() == 1
    assert StaticToken.objects.count() == 10


def test_where_it_is_required_everybody_sets_one_up_first(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    client = sign_in("marketer")
    location = client.get("/admin/")["Location"]
    assert client.get(location)["Location"] == SETUP
    set_up(client)
    assert client.get("/admin/").status_code == 200
    client.post(OVERVIEW, {"step": "remove"})
    assert TOTPDevice.objects.filter(confirmed=True).count() == 1, "it stays"


def test_it_is_renewed_replaced_and_removed_and_each_is_in_the_audit() -> None:
    client = sign_in()
    former, codes = set_up(client)
    page = client.post(OVERVIEW, {"step": "renew"}).content.decode()
    renewed = re.findall(r"<li>([a-z2-7]{8})</li>", page)
    assert not set(codes) & set(renewed)
    device, _ = set_up(client)
    assert device.key != former.key
    assert TOTPDevice.objects.count() == 1
    assert client.get("/admin/").status_code == 200
    client.post(OVERVIEW, {"step": "remove"})
    assert not TOTPDevice.objects.exists()
    verbs = AuditEntry.objects.order_by("at").values_list("verb", flat=True)
    assert [verb.removeprefix("staff.") for verb in verbs] == [
        "second_factor_set",
        "recovery_codes_made",
        "second_factor_set",
        "second_factor_removed",
    ]


def test_an_administrator_removes_what_somebody_has_lost() -> None:
    marketer = sign_in("marketer")
    set_up(marketer)
    user = marketer.session["_auth_user_id"]
    body = {"action": "take_second_factor", "_selected_action": user}
    assert sign_in("marketer").post("/admin/auth/user/", body).status_code == 403
    assert TOTPDevice.objects.exists()
    assert sign_in().post("/admin/auth/user/", body).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert again(marketer).get("/admin/").status_code == 200


def test_secrets_of_authenticators_are_on_no_page() -> None:
    client = sign_in()
    for model in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert client.get(f"/admin/{model}/").status_code == 404


def test_a_part_of_a_page_leads_the_page_itself_to_the_step() -> None:
    first = sign_in()
    set_up(first)
    answer = again(first).get("/admin/omnibox/?q=a", headers={"hx-request": "true"})
    assert answer.content == b""
    assert answer["HX-Redirect"].startswith(STEP)


@pytest.mark.parametrize("page", ["/admin/segments/segment/?status=live", ""])
def test_a_part_whose_session_has_ended_leads_its_page_to_the_login(
    client: Client, page: str
) -> None:
    headers = {"hx-request": "true", "hx-current-url": f"http://testserver{page}" if page else ""}
    answer = client.post("/admin/omnibox/", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    step, _, query = answer["HX-Redirect"].partition("?")
    assert step == reverse("admin:login")
    assert parse_qs(query) == {"next": [page or "/admin/"]}
