"""The customers' pages: in by a mailed link, seeing, choosing, correcting, asking, deleting."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from consent.lib.colours import Colour, contrast, ink_on, read_colour, readable_on
from consent.models import ConsentEvent, LegalBasis, PrivacyRequest
from consent.services import act_on_requests, may_process, send_links
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile, TraitDefinition
from segments.services import create_segment, rebuild
from tests.factories import TESTER, make_purpose, make_source, profile_of, send_messages

pytestmark = pytest.mark.django_db
ADDRESS = "ada@example.org"
ADA = f"email:{ADDRESS}"


@pytest.fixture
def ada() -> Profile:
    """Somebody with traits, an order, and a group that they are in."""
    make_source(key="shop", name="Shop")
    make_purpose("newsletter", is_direct_marketing=True)
    traits = {"email": ADDRESS, "city": "Lyon", "children": 2, "newsletter": True}
    send_messages(
        {"userId": "u1", "traits": traits},
        {"type": "track", "userId": "u1", "event": "Order Completed", "properties": {"total": 9}},
    )
    definition = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
    create_segment(
        key="lyon", name="Neighbours", definition=definition, status="live", actor=TESTER
    )
    rebuild(["lyon"])
    return profile_of(ADA)


def mailed_code(browser: Client, address: str = ADDRESS) -> str:
    answer = browser.post("/privacy/link/", {"email": address})
    assert answer.status_code == 200
    send_links()
    return str(mail.outbox[-1].body).split("#")[1].split()[0]


def log_in(language: str = "en") -> Client:
    browser = Client(headers={"accept-language": language})
    answer = browser.post("/privacy/", {"code": mailed_code(browser)})
    assert (answer.status_code, answer["Location"]) == (302, "/privacy/data/")
    return browser


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_mailed_link_leads_to_a_page_that_takes_its_code() -> None:
    page = text_of(Client().get("/privacy/"))
    assert 'name="email"' in page
    assert 'name="code"' in page


def test_the_answer_is_the_same_for_known_and_unknown_addresses(ada: Profile) -> None:
    known = Client().post("/privacy/link/", {"email": ADDRESS})
    unknown = Client().post("/privacy/link/", {"email": "nobody@example.org"})
    token = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')
    assert token.sub(b"", known.content) == token.sub(b"", unknown.content)
    send_links()
    assert [message.to for message in mail.outbox] == [[ADDRESS]]


def test_a_whole_link_may_be_pasted_and_works_once(ada: Profile) -> None:
    browser = Client()
    code = mailed_code(browser)
    link = f"http://localhost:8000/privacy/#{code}"
    assert browser.post("/privacy/", {"code": link}).status_code == 302
    again = Client().post("/privacy/", {"code": link})
    assert again.status_code == 400
    assert "unknown, was used, or is too old" in text_of(again)


def test_the_session_is_in_a_cookie_that_scripts_cannot_read(ada: Profile) -> None:
    cookie = log_in().cookies["tessera_customer"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Strict", "/privacy/")


@pytest.mark.parametrize(
    "path", ["data/", "permissions/", "requests/", "deletion/", "requests/%s/archive/" % ("0" * 32)]
)
def test_nothing_is_shown_without_a_session(path: str, ada: Profile) -> None:
    answer = Client().get(f"/privacy/{path}")
    assert answer.status_code in (403, 404)
    assert ADDRESS not in text_of(answer)


def test_everything_held_is_shown_with_its_source_and_the_reason_of_each_group(
    ada: Profile,
) -> None:
    page = text_of(log_in().get("/privacy/data/"))
    for words in (
        "Lyon",
        ADDRESS,
        "Order Completed",
        "Neighbours",
        "city is &quot;Lyon&quot;",
        "shop",
    ):
        assert words in page, words


def test_the_reason_of_a_group_that_names_other_people_is_not_shown(ada: Profile) -> None:
    addresses = [ADDRESS, "grace@example.org"]
    definition = {"type": "trait", "key": "email", "operator": "in", "value": addresses}
    create_segment(key="two", name="Two", definition=definition, status="live", actor=TESTER)
    rebuild(["two"])
    page = text_of(log_in().get("/privacy/data/"))
    assert "Two" in page
    assert "grace" not in page


def test_the_pages_speak_french_to_who_asks_for_it(ada: Profile) -> None:
    browser = log_in("fr-CA,fr;q=0.9")
    assert "Ce que nous savons" in text_of(browser.get("/privacy/data/"))
    for tag, language in (("en-gb", "en-gb"), ("fr-CA", "fr"), ("en", "en-gb")):
        assert f'lang="{language}"' in text_of(browser.get(f"/privacy/data/?lang={tag}"))
    # The choice is remembered.
    assert "What we know" in text_of(browser.get("/privacy/data/"))


def test_every_sentence_of_the_pages_is_in_french(ada: Profile) -> None:
    browser = log_in("fr")
    make_purpose("offers", legal_basis="legitimate_interest")
    browser.post("/privacy/requests/", {"kind": "access"})
    for path in ("", "data/", "permissions/", "requests/", "deletion/"):
        page = text_of(browser.get(f"/privacy/{path}"))
        for english in (" the ", " your ", " you ", "Allow", "Since", " with ", "Received"):
            assert english not in re.sub(r"<[^>]*>", " ", page), (path, english)


def test_traits_have_the_names_that_people_give_them(ada: Profile) -> None:
    send_messages({"userId": "u1", "traits": {"firstName": "Ada", "hair_colour": "red"}})
    page = text_of(log_in("fr").get("/privacy/data/"))
    for label in ("prénom", "ville", "hair colour"):
        assert f">{label}</" in page, label
    TraitDefinition.objects.filter(key="hair_colour").update(label="Couleur des cheveux")
    assert ">Couleur des cheveux</" in text_of(log_in("fr").get("/privacy/data/"))


def test_a_choice_takes_effect_at_once_and_keeps_the_text_that_was_read(ada: Profile) -> None:
    browser = log_in()
    browser.post("/privacy/permissions/", {"purpose": "newsletter", "allowed": "yes"})
    assert may_process(ada.pk, "newsletter", at=database_now())
    event = ConsentEvent.objects.get()
    assert event.method == "button"
    assert event.body.evidence["text"] == event.purpose_version.text
    page = browser.post("/privacy/permissions/", {"purpose": "newsletter", "allowed": "no"})
    assert not may_process(ada.pk, "newsletter", at=database_now())
    assert "Your choice is kept." in text_of(page)
    unknown = browser.post("/privacy/permissions/", {"purpose": "none", "allowed": "yes"})
    assert unknown.status_code == 200
    assert ConsentEvent.objects.count() == 2


@pytest.mark.parametrize("basis", [basis for basis in LegalBasis if basis != LegalBasis.CONSENT])
def test_who_may_object_to_a_purpose_can_and_nobody_is_told_so_in_vain(
    basis: LegalBasis, ada: Profile
) -> None:
    browser = log_in()
    make_purpose("offers", legal_basis=basis)
    is_objectable = basis in (LegalBasis.LEGITIMATE_INTEREST, LegalBasis.PUBLIC_TASK)
    assert ("You can object." in text_of(browser.get("/privacy/permissions/"))) == is_objectable
    browser.post("/privacy/permissions/", {"purpose": "offers", "allowed": "objected"})
    assert may_process(ada.pk, "offers", at=database_now()) != is_objectable
    if is_objectable:
        assert "You have objected." in text_of(browser.get("/privacy/permissions/"))
    browser.post("/privacy/permissions/", {"purpose": "offers", "allowed": "yes"})
    assert may_process(ada.pk, "offers", at=database_now())


@pytest.mark.parametrize(
    ("tag", "word"), [("fr-CA,fr;q=0.9", "Bonjour,"), ("en", "Hello,"), ("de", "Hello,")]
)
def test_the_link_is_mailed_in_the_language_of_the_browser(
    tag: str, word: str, ada: Profile
) -> None:
    mailed_code(Client(headers={"accept-language": tag}))
    assert str(mail.outbox[-1].body).startswith(word)


@pytest.mark.parametrize(
    ("key", "kind", "value", "expected"),
    [("city", "text", "Nice", "Nice"), ("children", "number", "3", 3)],
)
def test_a_correction_is_asked_for_in_the_type_of_the_value(
    key: str, kind: str, value: str, expected: object, ada: Profile
) -> None:
    browser = log_in()
    page = browser.post("/privacy/data/correct/", {"key": key, "kind": kind, "value": value})
    assert page.status_code == 200
    request = PrivacyRequest.objects.get()
    assert request.kind == "rectification"
    assert request.body["changes"] == {key: expected}


def test_a_correction_that_cannot_be_is_refused_in_words(ada: Profile) -> None:
    browser = log_in()
    body = {"key": "children", "kind": "number", "value": "many"}
    page = browser.post("/privacy/data/correct/", body)
    assert page.status_code == 400
    assert "cannot be stored" in text_of(page)
    body = {"key": "email", "kind": "text", "value": "not an address"}
    assert browser.post("/privacy/data/correct/", body).status_code == 400
    assert not PrivacyRequest.objects.exists()


def test_a_copy_is_asked_for_and_downloaded(ada: Profile) -> None:
    browser = log_in()
    assert "We have your request." in text_of(
        browser.post("/privacy/requests/", {"kind": "access"})
    )
    act_on_requests()
    page = text_of(browser.get("/privacy/requests/"))
    (path,) = re.findall(r'href="(/privacy/requests/[^"]+/archive/)"', page)
    answer = browser.get(path)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "data.json" in archive.namelist()
    assert "I have it" in text_of(browser.get("/privacy/requests/"))
    assert browser.post(path).status_code == 302
    # What is gone leads back to the list.
    assert browser.get(path).status_code == 302
    assert path not in text_of(browser.get("/privacy/requests/"))
    assert browser.post("/privacy/requests/", {"kind": "erasure"}).status_code == 400


def test_deleting_everything_is_confirmed_and_ends_the_session(ada: Profile) -> None:
    browser = log_in()
    assert browser.post("/privacy/deletion/").status_code == 400
    assert not PrivacyRequest.objects.exists()
    page = browser.post("/privacy/deletion/", {"confirmed": "yes"})
    assert "Your data are being deleted" in text_of(page)
    act_on_requests()
    assert not Identifier.objects.filter(value=ADDRESS).exists()
    assert browser.get("/privacy/data/").status_code == 403


def test_logging_out_ends_the_session_everywhere(ada: Profile) -> None:
    browser = log_in()
    token = browser.cookies["tessera_customer"].value
    browser.post("/privacy/log-out/")
    thief = Client()
    thief.cookies["tessera_customer"] = token
    assert thief.get("/privacy/data/").status_code == 403


def test_a_session_shows_only_what_its_address_provably_reaches(ada: Profile) -> None:
    send_messages({"anonymousId": "tablet", "traits": {"hobby": "chess"}}, trust=1)
    send_messages({"anonymousId": "tablet", "userId": "u1"}, trust=1)
    page = text_of(log_in().get("/privacy/data/"))
    assert "Lyon" in page
    assert "chess" not in page


def test_the_forms_need_a_token_of_the_site(ada: Profile) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies["tessera_customer"] = log_in().cookies["tessera_customer"].value
    answer = browser.post("/privacy/deletion/", {"confirmed": "yes"})
    assert answer.status_code == 403
    assert not PrivacyRequest.objects.exists()


def test_the_company_is_named(settings: Settings, ada: Profile) -> None:
    settings.COMPANY_NAME = "Maison Lumière"
    assert "Maison Lumière" in text_of(Client().get("/privacy/"))


def test_browsers_are_told_that_their_signal_is_honoured() -> None:
    answer = Client().get("/.well-known/gpc.json").json()
    assert answer["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", answer["lastUpdate"])


def test_pages_are_light(ada: Profile) -> None:
    assert len(log_in().get("/privacy/data/").content) < 50_000


@example(Colour(118, 118, 118))
@given(st.tuples(*[st.integers(0, 255)] * 3).map(lambda parts: Colour(*parts)))
def test_whatever_the_companys_colour_buttons_and_links_can_be_read(colour: Colour) -> None:
    for ground in (read_colour("#ffffff"), read_colour("#14191a")):
        made = readable_on(ground, colour)
        assert contrast(made, ground) >= 4.5
        assert contrast(ink_on(made), made) >= 4.5
        assert readable_on(ground, made) == made


def test_the_companys_logo_and_colour_are_on_each_page(settings: Any, tmp_path: Path) -> None:
    browser = Client()
    plain = browser.get("/privacy/").content.decode()
    assert "look.css" not in plain
    assert browser.get("/privacy/look.css").status_code == 404
    assert browser.get("/privacy/logo").status_code == 404
    settings.COMPANY_LOGO = str(tmp_path / "logo.svg")
    Path(settings.COMPANY_LOGO).write_text("<svg/>")
    settings.COMPANY_COLOUR = "#ffd400"
    page = browser.get("/privacy/").content.decode()
    assert 'alt="Tessera"' in page
    assert "look.css" in page
    logo = browser.get("/privacy/logo")
    assert (logo["Content-Type"], logo.content) == ("image/svg+xml", b"<svg/>")
    sheet = browser.get("/privacy/look.css").content.decode()
    assert "prefers-color-scheme: dark) { :root { --button: #ffd400; --button-ink: #000000" in sheet
