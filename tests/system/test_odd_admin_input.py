"""No odd value in an address or a form of the admin is a server error."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver

from profiles.models import Profile
from tests.admin import make_world, sign_in
from tests.system.forms import fields_of
from tests.system.odd_values import TEXTS, escaped, part_of, send

# Parameters that lists of the admin read beside their own filters.
OF_LISTS = ("q", "o", "p", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters")
FORM = "application/x-www-form-urlencoded"
# The admin's addresses are walked in so many tests, between which two processes can share.
WALKS = 8
PARAMETERS = {
    "/admin/login/": ("next",),
    "/admin/consent/privacyrequest/{pk}/letter/": ("event", "language"),
    "/admin/consent/purpose/register/": ("format",),
    "/admin/consent/lettermodel/add/": ("kind", "event", "language"),
    "/admin/search/": ("s", "extended", "page"),
    "/admin/autocomplete/": ("term", "app_label", "model_name", "field_name"),
}


def admin_addresses(patterns: Any = None, prefix: str = "/") -> Iterator[tuple[str, list[str]]]:
    """Yield each address of the admin with the names of its parameters, which are in braces."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        part = pattern.pattern
        address = prefix + str(part)
        for name, converter in getattr(part, "converters", {}).items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            for spelling in (f"<{kind}:{name}>", f"<{name}>"):
                address = address.replace(spelling, f"{{{name}}}")
        if isinstance(pattern, URLResolver):
            yield from admin_addresses(pattern.url_patterns, address)
        elif is_page(address):
            yield address, list(getattr(part, "converters", {}))


def is_page(address: str) -> bool:
    return address.startswith("/admin/") and "^" not in address and "logout" not in address


ADDRESSES = dict(admin_addresses())
MODELS = {
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/": model
    for model in admin.site._registry
}


def real_address(address: str) -> str:
    """Return the address with the ids of the first rows."""
    for start, model in MODELS.items():
        if address.startswith(start):
            pk = getattr(model._default_manager.first(), "pk", 1)
            for name in ("object_id", "pk", "id"):
                address = address.replace(f"{{{name}}}", str(pk))
    profile = Profile.objects.all()[0].pk
    others = {"profile_id": profile, "kind": "public", "key": 1, "content_type_id": 1}
    for name, value in others.items():
        address = address.replace(f"{{{name}}}", str(value))
    return address.replace("{object_id}", "1")


@pytest.fixture
def staff(savepoint: None) -> Client:
    make_world()
    client = sign_in()
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("walk", range(WALKS))
def test_no_address_of_the_admin_is_a_server_error(staff: Client, walk: int) -> None:
    for address, text in odd_addresses(list(ADDRESSES)[walk::WALKS]):
        send(staff, "get", real_address(address).replace("@odd@", escaped(text)))


def odd_addresses(addresses: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each address with a mark at one of its parameters, and a text to put there."""
    for address in addresses:
        parameters, model = ADDRESSES[address], MODELS.get(address)
        names = [*OF_LISTS, *filters_of(model)] if model else PARAMETERS.get(address, ())
        marked = [address.replace(f"{{{name}}}", "@odd@") for name in parameters]
        for spelling in [*marked, *(f"{address}?{name}=@odd@" for name in names)]:
            for text in part_of(TEXTS, spelling):
                yield spelling, text


def filters_of(model: Any) -> Iterator[str]:
    """Yield the query parameters of the list's filters."""
    model_admin: Any = admin.site._registry[model]
    for item in model_admin.list_filter:
        yield from model_admin._lookups_of(item)
    if model_admin.date_hierarchy:
        for part in ("year", "month", "day"):
            yield f"{model_admin.date_hierarchy}__{part}"


@pytest.mark.parametrize("walk", range(WALKS))
def test_no_form_of_the_admin_is_a_server_error(staff: Client, walk: int) -> None:
    for address in list(ADDRESSES)[walk::WALKS]:
        url = real_address(address)
        page = staff.get(url)
        assert page.status_code < 500, url
        is_form = page.status_code == 200 and not page.streaming  # a file has no fields
        fields = fields_of(page.content.decode()) if is_form else {}
        for name in fields:
            for text in part_of(TEXTS, f"{address} {name}"):
                body = urlencode({**fields, name: text.encode(errors="surrogatepass")})
                send(staff, "post", url, body.encode(), content_type=FORM)
