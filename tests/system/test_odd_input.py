"""No odd value is a server error: in no address and body of the API, in no page of the admin."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver

from config.http.examples import examples
from profiles.models import Profile
from tests.admin import make_world as make_admin_world
from tests.admin import sign_in
from tests.config.api_schema import OPERATIONS, parameters_of
from tests.config.example_world import World
from tests.system.forms import fields_of
from tests.system.odd_values import JSON_VALUES, TEXTS, places_of, with_value

WITH_BODY = [name for name, (_, _, operation) in OPERATIONS.items() if "requestBody" in operation]
TYPES = ("", "text/plain", "text/csv", "a/b; charset=nonsense", "multipart/form-data", "\xe9")
# Parameters that lists of the admin read beside their own filters.
OF_LISTS = ("q", "o", "p", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters")
FORM = "application/x-www-form-urlencoded"
# One place gets a part of the values, and the next place the next part.
TURNS = 6
_turns = count()
PARAMETERS = {
    "/admin/login/": ("next",),
    "/admin/consent/privacyrequest/{pk}/letter/": ("event", "language"),
    "/admin/consent/purpose/register/": ("format",),
    "/admin/consent/lettermodel/add/": ("kind", "event", "language"),
    "/admin/search/": ("s", "extended", "page"),
    "/admin/autocomplete/": ("term", "app_label", "model_name", "field_name"),
}


def turn_of(values: Sequence[Any]) -> Sequence[Any]:
    return values[next(_turns) % TURNS :: TURNS]


def escaped(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def send(client: Any, method: str, address: str, body: bytes = b"", **more: Any) -> Any:
    """Send a request, hold its answer to be no server error, and take back what it changed."""
    with transaction.atomic():
        answer = client.generic(method.upper(), address, body, **more)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, address[:200], body[:300], answer.status_code)
    return answer


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_no_parameter_of_an_address_is_a_server_error(operation_id: str, world: World) -> None:
    method, path, operation = OPERATIONS[operation_id]
    client = world.customer if "/privacy/me/" in path else world.service
    for parameter in parameters_of(operation):
        name = parameter["name"]
        for text in turn_of(TEXTS):
            if parameter["in"] == "path":
                send(client, method, path.replace(f"{{{name}}}", escaped(text)))
            else:
                address = filled(path, operation_id, world.real)
                send(client, method, f"{address}?{name}={escaped(text)}")


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_no_part_of_a_body_is_a_server_error(operation_id: str, world: World) -> None:
    method, path, _ = OPERATIONS[operation_id]
    client = world.customer if "/privacy/me/" in path else world.service
    address = filled(path, operation_id, world.real)
    body = with_real_ids(examples()[operation_id]["body"], world.real)
    for place in places_of(body):
        for value in turn_of(JSON_VALUES):
            odd = with_value(body, place, value)
            send(client, method, address, odd, content_type="application/json")
    for content_type in TYPES:
        send(client, method, address, b"{}", content_type=content_type)


def filled(path: str, operation_id: str, real: dict[str, str]) -> str:
    """Return the address of an example, with the ids that the store has."""
    for name, value in examples()[operation_id].get("parameters", {}).items():
        path = path.replace(f"{{{name}}}", real.get(str(value), str(value)))
    return path


def with_real_ids(example: Any, real: dict[str, str]) -> Any:
    match example:
        case dict():
            return {key: with_real_ids(value, real) for key, value in example.items()}
        case list():
            return [with_real_ids(value, real) for value in example]
        case _:
            return real.get(example, example) if isinstance(example, str) else example


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
    make_admin_world()
    client = sign_in()
    client.raise_request_exception = False
    return client


def test_no_address_of_the_admin_is_a_server_error(staff: Client) -> None:
    for address, text in odd_addresses():
        send(staff, "get", real_address(address).replace("@odd@", escaped(text)))


def odd_addresses() -> Iterator[tuple[str, str]]:
    """Yield each address with a mark at one of its parameters, and a text to put there."""
    for address, parameters in ADDRESSES.items():
        model = MODELS.get(address)
        names = [*OF_LISTS, *filters_of(model)] if model else PARAMETERS.get(address, ())
        marked = [address.replace(f"{{{name}}}", "@odd@") for name in parameters]
        for spelling in [*marked, *(f"{address}?{name}=@odd@" for name in names)]:
            for text in turn_of(TEXTS):
                yield spelling, text


def filters_of(model: Any) -> Iterator[str]:
    """Yield the query parameters of the list's filters."""
    model_admin: Any = admin.site._registry[model]
    for item in model_admin.list_filter:
        yield from model_admin._lookups_of(item)
    if model_admin.date_hierarchy:
        for part in ("year", "month", "day"):
            yield f"{model_admin.date_hierarchy}__{part}"


def test_no_form_of_the_admin_is_a_server_error(staff: Client) -> None:
    for address in ADDRESSES:
        url = real_address(address)
        page = staff.get(url)
        is_form = page.status_code == 200 and not page.streaming  # a file has no fields
        fields = fields_of(page.content.decode()) if is_form else {}
        for name in fields:
            for text in turn_of(TEXTS):
                body = urlencode({**fields, name: text.encode(errors="surrogatepass")})
                send(staff, "post", url, body.encode(), content_type=FORM)
