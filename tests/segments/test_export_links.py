"""Links to exports: they give one file once, to whoever has them, for as long as they may."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.models import Purpose
from profiles.models import ApiKey
from profiles.models.access import Scope
from segments.models import MemberExport, StaticList
from segments.services import (
    ExportGone,
    create_list,
    find_by_code,
    make_link,
    order_export,
    pause_segment,
    withdraw_export,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose
from tests.segments.exporting import (
    IN_LYON,
    body_of,
    fetched,
    lines_of,
    linked,
    make_people,
    make_segment,
    order_of,
    permit,
    staff,
)


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("newsletter")


@pytest.mark.django_db
def test_a_link_gives_one_file_once_of_who_permits_when_it_is_fetched(purpose: Purpose) -> None:
    kept, withdrew = make_people(2, purpose)
    export, link = linked(segment=make_segment(purpose), format="jsonl")
    permit(withdrew, purpose, state="withdrawn")
    page = Client().get("/exports/")
    assert page.status_code == 200
    assert [row["id"] for row in lines_of(fetched(link.code))] == [str(kept.uuid)]
    export.refresh_from_db()
    assert (export.state, export.written, export.left_out) == ("done", 1, {"refused": 1})
    again = fetched(link.code)
    assert again.status_code == 410
    assert "Ask for a new one" in again.content.decode()


@pytest.mark.django_db
def test_whoever_fills_it_in_by_hand_pastes_the_whole_link(purpose: Purpose) -> None:
    make_people(1, purpose)
    _export, link = linked(segment=make_segment(purpose))
    assert link.url.endswith(f"/exports/#{link.code}")
    assert body_of(fetched(f" {link.url} ")).count(b"\n") == 2


@pytest.mark.django_db
def test_looking_at_the_page_uses_no_link_up(purpose: Purpose) -> None:
    make_people(1, purpose)
    export, link = linked(segment=make_segment(purpose))
    for request in (Client().get, Client().head):
        assert request("/exports/", {"code": link.code}).status_code == 200
    export.refresh_from_db()
    assert export.state == "ready"


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["expiry", "withdrawal", "another link", "no code", "other code"])
def test_a_link_ends(end: str, purpose: Purpose) -> None:
    make_people(1, purpose)
    export, link = linked(segment=make_segment(purpose))
    code = link.code
    match end:
        case "expiry":
            MemberExport.objects.update(expires_at=timezone.now())
        case "withdrawal":
            withdraw_export(export, actor=TESTER)
        case "another link":
            make_link(export, hours=1, actor=TESTER)
        case "no code":
            code = ""
        case _:
            code = link.code[:-1] + ("A" if link.code[-1] != "A" else "B")
    assert fetched(code).status_code == 410
    assert MemberExport.objects.get().written == 0


@pytest.mark.django_db
def test_a_link_ends_with_who_made_it(purpose: Purpose) -> None:
    make_people(1, purpose)
    make_segment(purpose)
    body = {"segment": "all", "format": "csv"}
    codes = [
        make_client().post("/api/v1/exports/", body, content_type="application/json").json()
        for _ in range(2)
    ]
    ApiKey.objects.filter(pk=ApiKey.objects.latest("pk").pk).update(revoked_at=timezone.now())
    assert [fetched(each["link"]["code"]).status_code for each in codes] == [200, 410]
    actor = staff("eve")
    export = order_export(order_of(segment=make_segment(purpose, key="more")), actor=actor)
    link = make_link(export, hours=1, actor=actor)
    User.objects.update(is_active=False)
    with pytest.raises(ExportGone):
        find_by_code(link.code)


@pytest.mark.django_db
def test_a_paused_segment_lets_nobody_out_and_the_link_stays(purpose: Purpose) -> None:
    make_people(1, purpose)
    segment = make_segment(purpose)
    export, link = linked(segment=segment)
    pause_segment(segment, actor=TESTER)
    assert fetched(link.code).status_code == 409
    export.refresh_from_db()
    assert export.state == "ready"


@pytest.mark.usefixtures("committing_db")
def test_of_many_who_fetch_at_once_one_gets_it() -> None:
    purpose = make_purpose("newsletter")
    make_people(1, purpose)
    _export, link = linked(segment=make_segment(purpose))

    def fetch(_: int) -> int:
        try:
            response = fetched(link.code)
            return int(response.status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(fetch, range(8)))
    assert statuses == [200] + [410] * 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({}, 400, "segment"),
        ({"segment": "all", "list": "guests"}, 400, "list"),
        ({"segment": "nothing"}, 400, "segment"),
        ({"list": "nothing", "purpose": "newsletter"}, 400, "list"),
        ({"definition": {"type": "everybody"}, "purpose": "newsletter"}, 400, "definition.type"),
        ({"definition": {"type": "everyone"}}, 409, "purpose"),
        ({"segment": "all", "columns": ["age"]}, 400, "columns"),
        ({"segment": "all", "hours": 200}, 400, "hours"),
        ({"segment": "all", "recipient": "me"}, 409, "recipient"),
        ({"segment": "all", "colums": []}, 400, "colums"),
    ],
)
def test_what_no_link_can_be_made_for_is_refused_by_name(
    body: dict[str, Any], status: int, path: str, purpose: Purpose
) -> None:
    make_segment(purpose)
    answer = make_client().post("/api/v1/exports/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, path)
    assert not MemberExport.objects.exists()


@pytest.mark.django_db
def test_a_key_that_may_not_read_people_names_nobody_by_a_list_or_definition(
    purpose: Purpose,
) -> None:
    make_people(1, purpose)
    create_list(key="guests", name="Guests", actor=TESTER)
    StaticList.objects.update(is_sensitive=True)
    blind = make_client(Scope.SEGMENTS_READ, Scope.SEGMENTS_WRITE)
    contact = {"type": "trait", "key": "email", "operator": "exists"}
    for people in ({"list": "guests"}, {"definition": contact}):
        body = {"purpose": "newsletter", **people}
        answer = blind.post("/api/v1/exports/", body, content_type="application/json")
        assert answer.status_code == 403
    body = {"definition": IN_LYON, "purpose": "newsletter"}
    made = make_client().post("/api/v1/exports/", body, content_type="application/json").json()
    assert blind.get(f"/api/v1/exports/{made['id']}/").status_code == 404


@pytest.mark.django_db
def test_staff_make_a_link_and_see_it_once(purpose: Purpose) -> None:
    make_people(1, purpose)
    segment = make_segment(purpose)
    client = sign_in()
    url = reverse("admin:segments_segment_export", args=[segment.pk])
    fresh = client.get(url).context["export_id"]
    body = {"id": str(fresh), "format": "jsonl", "purpose": purpose.pk, "way": "link"}
    page = client.post(url, body)
    assert page.status_code == 302
    shown = client.get(page["Location"]).content.decode()
    assert "Ready to be fetched" in shown
    made = client.post(reverse("admin:segments_memberexport_link", args=[fresh]), {"hours": 2})
    code = made.context["secret"].partition("#")[2]
    assert "There is a link to it." in client.get(page["Location"]).content.decode()
    assert code not in client.get(page["Location"]).content.decode()
    other = sign_in("marketer")
    assert other.post(reverse("admin:segments_memberexport_file", args=[fresh])).status_code == 403
    assert json.loads(body_of(fetched(code)))["entered_at"]
    late = client.post(reverse("admin:segments_memberexport_file", args=[fresh]), follow=True)
    assert "It was fetched already" in late.content.decode()
