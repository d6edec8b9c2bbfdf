"""No link of the admin's pages is dead, and no list refuses the filters of our own links."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.test import Client

from tests.admin import make_world, sign_in
from tests.factories import make_source, make_write_key
from tests.system.test_odd_admin_input import ADDRESSES, real_address

pytestmark = pytest.mark.django_db
LINK = re.compile(r'href="([^"#]+)"')
# What a list adds where it refuses its query, and what ends the session.
REFUSED, LOG_OUT = "e=1", "/admin/logout/"


def links_of(page: str, content: str) -> Iterator[str]:
    """Yield the links of a page that stay in the admin."""
    for href in map(unescape, LINK.findall(content)):
        link = urljoin(page, href)
        if link.startswith("/admin/") and not link.startswith(LOG_OUT):
            yield link


def kind_of(link: str) -> tuple[str, ...]:
    """Return what links have in common of which one needs to be followed."""
    parts = urlsplit(link)
    names = sorted(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return (re.sub(r"\d+|[0-9a-f-]{36}", "#", parts.path), *names)


def test_every_link_leads_somewhere() -> None:
    make_world()
    send_a_wrong_message()
    staff = sign_in()
    staff.raise_request_exception = False
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for address in ADDRESSES:
        page = real_address(address)
        answer = staff.get(page)
        assert answer.status_code < 500, page
        if answer.status_code == 200 and not answer.streaming:
            for link in links_of(page, answer.content.decode()):
                found.setdefault(kind_of(link), (link, page))
    assert len(found) > len(ADDRESSES) / 2
    dead = {link: page for link, page in found.values() if not leads_somewhere(staff, link)}
    assert dead == {}


def send_a_wrong_message() -> None:
    """Have a rejected message among the last ones of the first source."""
    key = make_write_key(make_source(key="shop"))
    wrong = {"type": "track", "userId": "u1", "event": 5}
    body = {"writeKey": key, "batch": [wrong]}
    answer = Client().post("/v1/batch", body, content_type="application/json")
    assert answer.status_code in (200, 400)


def leads_somewhere(staff: Client, link: str) -> bool:
    answer = staff.get(link)
    if answer.status_code == 302:
        return REFUSED not in answer["Location"]
    return answer.status_code == 200
