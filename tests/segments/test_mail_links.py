"""Links of mails: counted only for whom permits it, at the click as well, and never those that lead
to this site itself.
"""

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from consent.models import Purpose
from consent.services import NewRequest, act_on_requests, open_request
from ingestion.services import drain_inbox
from profiles.models import Event
from segments.mail.links import LONGEST, MailLink, counting_address, find_mail_link, led_over
from segments.models import AutomationDecision, MailTemplate
from segments.services import create_mail_template, preview_mail, step_numbers, update_mail_template
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose, profile_of
from tests.segments.flows import do, pass_time, publish
from tests.segments.listening import ADA, consent

pytestmark = pytest.mark.django_db
BASKET, SHOP = "https://shop.example/basket?a=1&b=2", "https://shop.example/"
OWN = f"{django_settings.PUBLIC_URL.rstrip('/')}/privacy/"
BODY = (
    f'<mj-button href="{BASKET.replace("&", "&amp;")}">See it</mj-button>'
    f'<mj-text><a href="{SHOP}?n={{{{ first_name | }}}}">Yours</a></mj-text>'
    f'<mj-text><a href="{OWN}">Choose</a></mj-text>'
)


@pytest.fixture
def counting() -> MailTemplate:
    """A template that names a purpose for clicks, sent to whoever signs up."""
    purpose = make_purpose("newsletter")
    texts = {"subject": "Hello", "body": BODY}
    row = create_mail_template(
        key="hello",
        name="Hello",
        texts={"en": texts, "fr": texts},
        click_purpose=purpose,
        actor=TESTER,
    )
    publish({"type": "mail", "template": "hello"}, again="always")
    return row


def links_of_mail() -> list[str]:
    """The links of the page of the last mail, without the way out."""
    (page,) = mail.outbox[-1].alternatives  # type: ignore[attr-defined]
    links = re.findall(r'<a\b[^>]*?href="([^"]*)"', page.content)
    return [link.replace("&amp;", "&") for link in links if "/unsubscribe/" not in link]


def sent(name: str = "ada", *, permits: bool = True) -> list[str]:
    """Let somebody sign up and get the mail; return its links."""
    do("Browsed", name)
    if permits:
        consent(reference=f"user_id:{name}")
    do("Signed Up", name)
    pass_time()
    return links_of_mail()


def click(address: str, method: str = "get", **headers: str) -> str:
    path = address.removeprefix(django_settings.PUBLIC_URL.rstrip("/"))
    response = getattr(Client(), method)(path, headers=headers)
    assert response.status_code == 302
    assert response.headers["Cache-Control"] == "no-store"
    drain_inbox()
    return str(response.headers["Location"])


def clicks() -> list[dict[str, Any]]:
    return [row.properties for row in Event.objects.filter(name__name="Email Link Clicked")]


def test_a_click_of_whom_permits_it_is_counted_and_leads_on(counting: MailTemplate) -> None:
    counted, personal, own = sent()
    assert counted.startswith(f"{django_settings.PUBLIC_URL.rstrip('/')}/links/")
    assert (personal, own) == (f"{SHOP}?n=Ada", OWN)
    assert click(counted) == BASKET
    assert click(counted) == BASKET
    assert clicks() == [{"campaign": "flow", "template": "hello", "link": BASKET}]
    numbers = step_numbers(AutomationDecision.objects.get().run.automation)
    assert numbers["steps[0]"].clicked == 1
    assert {row.profile_id for row in Event.objects.all()} == {profile_of(ADA).pk}
    # The text has plain links, for whoever reads that.
    assert BASKET in mail.outbox[0].body
    assert "/links/" not in mail.outbox[0].body


def test_everybody_else_gets_plain_links(counting: MailTemplate) -> None:
    assert sent(permits=False)[0] == BASKET
    update_mail_template(counting, actor=TESTER, changes={"click_purpose": None})
    assert sent("bob")[0] == BASKET


def test_after_a_withdrawal_the_link_leads_on_and_is_not_counted(counting: MailTemplate) -> None:
    counted, *_ = sent()
    consent("withdrawn")
    assert click(counted) == BASKET
    assert (clicks(), AutomationDecision.objects.get().clicked_at) == ([], None)


def test_once_the_template_names_no_purpose_nothing_is_counted(counting: MailTemplate) -> None:
    counted, *_ = sent()
    update_mail_template(counting, actor=TESTER, changes={"click_purpose": None})
    assert (click(counted), clicks()) == (BASKET, [])


def test_after_an_erasure_the_link_leads_on_and_is_not_counted(counting: MailTemplate) -> None:
    counted, *_ = sent()
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    assert (click(counted), clicks()) == (BASKET, [])


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("head", {}),
        ("get", {"Purpose": "prefetch"}),
        ("get", {"Sec-Purpose": "prefetch;prerender"}),
        ("get", {"X-Purpose": "preview"}),
        ("get", {"X-Moz": "prefetch"}),
    ],
)
def test_what_fetches_ahead_is_led_on_and_not_counted(
    counting: MailTemplate, method: str, headers: dict[str, str]
) -> None:
    counted, *_ = sent()
    assert (click(counted, method, **headers), clicks()) == (BASKET, [])


def test_an_address_that_was_not_made_here_leads_nowhere(counting: MailTemplate) -> None:
    counted, *_ = sent()
    path = counted.removeprefix(django_settings.PUBLIC_URL.rstrip("/"))
    changed = path[:-5] + ("A" if path[-5] != "A" else "B") + path[-4:]
    for wrong in (changed, "/links/x/", "/links/https:evil.example/"):
        assert Client().get(wrong).status_code == 404
    assert Client().post(path).status_code == 405


def test_a_preview_has_plain_links(counting: MailTemplate) -> None:
    assert "/links/" not in preview_mail(counting, {"first_name": "Ada"}).html


def test_the_purpose_is_named_by_the_api_and_in_the_admin(counting: MailTemplate) -> None:
    client = make_client("segments:read", "segments:write")
    url = "/api/v1/mail-templates/hello/"
    assert client.get(url).json()["click_purpose"] == "newsletter"
    assert client.patch(url, {"click_purpose": None}).json()["click_purpose"] is None
    staff, page = sign_in(), f"/admin/segments/mailtemplate/{counting.pk}/"
    form = {"name": "Hello", "markup": "house"} | {
        f"{code}_{word}": text
        for code, texts in counting.texts.items()
        for word, text in texts.items()
    }
    chosen = Purpose.objects.get(key="newsletter").pk
    response = staff.post(f"{page}edit/", form | {"click_purpose": chosen})
    assert response.status_code == 302
    assert "clicks are counted for" in staff.get(f"{page}change/").content.decode()


addresses = st.from_regex(r"https?://[a-z]{1,9}\.example/[a-z?=&]{0,40}", fullmatch=True)


@given(address=addresses, message=st.uuids())
def test_an_address_is_found_again_and_no_other(address: str, message: Any) -> None:
    link = MailLink(message, address)
    token = counting_address(link).rstrip("/").rpartition("/")[2]
    assert find_mail_link(token) == link


@given(st.lists(st.tuples(st.booleans(), addresses), max_size=6))
def test_links_are_led_over_and_all_else_stays(parts: list[tuple[bool, str]]) -> None:
    def page(lead: Any) -> str:
        links = (f'<p>{each}</p><a class="x" href="{lead(each)}">{each}</a>' for _, each in parts)
        pictures = (f'<img src="{each}">' for is_picture, each in parts if is_picture)
        return "".join([*links, *pictures])

    def lead(address: str) -> str:
        return f"over:{address}"

    assert led_over(page(str), (), lead) == page(lead)


def test_a_very_long_address_stays_as_it_is() -> None:
    long = f'<a href="https://shop.example/{"x" * LONGEST}">'
    assert led_over(long, (), lambda address: "over") == long
