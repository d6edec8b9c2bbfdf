"""Exports that are ordered: a second person, links that work once, and files for one reader."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pyrage
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from consent.models import Purpose
from consent.services import NewRequest, act_on_requests, open_request, sweep_traces
from profiles.models import ApiKey, AuditBody, AuditEntry, Identifier, Profile, TraitDefinition
from profiles.models.access import Scope
from profiles.registry import registry
from profiles.services import Actor, SamePerson
from segments.lib.sealing import sealed
from segments.models import ExportedPerson, MemberExport, StaticList
from segments.services import (
    ExportGone,
    Link,
    SegmentError,
    add_people,
    approve_export,
    archive_segment,
    create_list,
    create_segment,
    decline_export,
    expire_exports,
    find_by_code,
    make_link,
    order_export,
    pause_segment,
    take_export,
    withdraw_export,
    write_export,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose, send_messages
from tests.segments.exporting import body_of, lines_of, make_people, make_segment, order_of, permit

IN_LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("newsletter")


def staff(name: str, address: str = "") -> Actor:
    return Actor.staff(User.objects.create(username=name, email=address, is_staff=True))


def linked(**fields: Any) -> tuple[MemberExport, Link]:
    export = order_export(order_of(**fields), actor=TESTER)
    return export, make_link(export, hours=1, actor=TESTER)


def fetched(code: str) -> Any:
    return Client().post("/exports/", {"code": code})


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
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])  # as in the API
def test_a_file_for_a_key_is_read_by_its_holder_alone(format: str, purpose: Purpose) -> None:  # noqa: A002
    people = make_people(3, purpose)
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    make_segment(purpose)
    query = {"format": format, "recipient": recipient}
    response = make_client().get("/api/v1/segments/all/export/", query)
    assert response["Content-Disposition"].endswith(f'.{format}.age"')
    body = body_of(response)
    assert str(people[0].uuid).encode() not in body
    plain = pyrage.decrypt(body, [identity])
    assert plain.startswith({"csv": b'"id"', "jsonl": b'{"id"', "parquet": b"PAR1"}[format])
    refused = make_client().get("/api/v1/segments/all/export/", query | {"recipient": "age1x"})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["path"] == "recipient"


@given(st.lists(st.binary(max_size=200_000), max_size=6))
def test_an_encrypted_file_is_the_plain_one(chunks: list[bytes]) -> None:
    identity = pyrage.x25519.Identity.generate()
    encrypted = b"".join(sealed(iter(chunks), str(identity.to_public())))
    assert pyrage.decrypt(encrypted, [identity]) == b"".join(chunks)


def test_an_encrypted_file_that_breaks_off_is_no_whole_one() -> None:
    identity = pyrage.x25519.Identity.generate()

    def breaking() -> Iterator[bytes]:
        yield b"a" * 100_000
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(sealed(breaking(), str(identity.to_public())))
    file = sealed(iter([b"a" * 100_000, b"b"]), str(identity.to_public()))
    first = next(file)
    file.close()  # type: ignore[attr-defined]
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(first, [identity])


@pytest.mark.django_db
def test_above_a_size_staff_need_a_second_person(purpose: Purpose, settings: Any) -> None:
    settings.EXPORT_SECOND_PERSON_ABOVE = 1
    make_people(2, purpose)
    order = order_of(segment=make_segment(purpose), reason="For the spring letter.")
    eve, zoe = staff("eve", "eve@example.org"), staff("zoe")
    with pytest.raises(SegmentError):
        order_export(order_of(segment=order.segment), actor=eve)
    export = order_export(order, actor=eve)
    assert export.state == "waiting"
    for take in (take_export, withdraw_export):
        with pytest.raises(ExportGone):
            take(export, actor=eve)
    with pytest.raises(ExportGone):
        make_link(export, hours=1, actor=eve)
    for same in (eve, staff("eve2", "Eve+2@example.org")):
        with pytest.raises(SamePerson):
            approve_export(export, actor=same)
    approve_export(export, actor=zoe)
    take_export(export, actor=eve)
    assert b"".join(write_export(export)).count(b"\n") == 3
    verbs = AuditEntry.objects.filter(object_key=str(export.pk)).values_list("verb", flat=True)
    assert set(verbs) == {"export.ordered", "export.approved"}
    declined = order_export(order, actor=eve)
    decline_export(declined, actor=zoe)
    for late in (approve_export, decline_export):
        with pytest.raises(ExportGone):
            late(declined, actor=zoe)


@pytest.mark.django_db
def test_a_key_of_a_service_needs_no_second_person(purpose: Purpose, settings: Any) -> None:
    settings.EXPORT_SECOND_PERSON_ABOVE = 0
    make_people(1, purpose)
    make_segment(purpose)
    assert len(lines_of(make_client().get("/api/v1/segments/all/export/"))) == 1


@pytest.mark.django_db
def test_what_nobody_fetches_or_approves_is_over_after_a_week(purpose: Purpose) -> None:
    make_people(1, purpose)
    ready, _link = linked(segment=make_segment(purpose))
    assert expire_exports() == 0
    MemberExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert expire_exports() == 1
    ready.refresh_from_db()
    assert (ready.state, ready.link_digest) == ("expired", "")


@pytest.mark.django_db
def test_a_list_leaves_with_who_permits_and_each_once(purpose: Purpose) -> None:
    kept, withdrew, other = make_people(3, purpose)
    permit(withdrew, purpose, state="withdrawn")
    row = create_list(key="guests", name="Guests", actor=TESTER)
    references = [f"profile:{person.uuid}" for person in (kept, withdrew)]
    add_people(row, references, actor=TESTER)
    body = {"list": "guests", "purpose": "newsletter", "columns": ["id", "trait.city"]}
    TraitDefinition.objects.create(key="city", type="text")
    answer = make_client().post("/api/v1/exports/", body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["list"] == "guests"
    lines = lines_of(fetched(answer.json()["link"]["code"]))
    assert lines == [{"id": str(kept.uuid), "trait.city": "Lyon"}]
    export = MemberExport.objects.get()
    assert (export.read, export.left_out) == (2, {"refused": 1})
    # Whoever was in the file can learn of it, and nobody else.
    named = {person.pk: registry.disclosures(person.pk) for person in (kept, withdrew, other)}
    assert [d.name for d in named.pop(kept.pk)] == ["Guests"]
    assert list(named.values()) == [[], []]


@pytest.mark.django_db
def test_whom_a_definition_fits_leaves_without_a_segment(purpose: Purpose) -> None:
    people = make_people(4, purpose)
    Profile.objects.filter(pk=people[1].pk).update(traits={"city": "Paris"})
    Profile.objects.filter(pk=people[2].pk).update(is_restricted=True)
    body = {"definition": IN_LYON, "purpose": "newsletter"}
    answer = make_client().post("/api/v1/exports/", body, content_type="application/json").json()
    # It fits nobody by what was true before.
    Profile.objects.filter(pk=people[3].pk).update(traits={"city": "Nice"})
    lines = lines_of(fetched(answer["link"]["code"]))
    assert lines == [{"id": str(people[0].uuid), "entered_at": None}]
    assert ExportedPerson.objects.get().profile_id == people[0].pk


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
def test_a_file_that_broke_off_goes_on_behind_its_last_row(purpose: Purpose) -> None:
    people = make_people(5, purpose)
    make_segment(purpose)
    client = make_client()
    rows = lines_of(client.get("/api/v1/segments/all/export/"))
    for place, row in enumerate(rows):
        rest = client.get("/api/v1/segments/all/export/", {"after": row["id"]})
        assert lines_of(rest) == rows[place + 1 :]
    for after in ("x", str(people[0].uuid)[:-12] + "0" * 12):
        refused = client.get("/api/v1/segments/all/export/", {"after": after})
        assert refused.json()["errors"][0]["path"] == "after"


@pytest.mark.django_db
def test_who_was_in_a_file_is_known_through_a_merge_and_forgotten_by_an_erasure(
    purpose: Purpose,
) -> None:
    send_messages({"anonymousId": "a"}, {"userId": "1"})
    for person in Profile.objects.all():
        permit(person, purpose)
    row = create_list(key="guests", name="Guests", actor=TESTER)
    add_people(row, ["anonymous_id:a", "user_id:1"], actor=TESTER)
    _export, link = linked(list=row, purpose=purpose)
    body_of(fetched(link.code))
    assert ExportedPerson.objects.values("profile").distinct().count() == 2
    send_messages({"anonymousId": "a", "userId": "1"})
    survivor = Identifier.objects.get(namespace="user_id").profile_id
    assert [row.profile_id for row in ExportedPerson.objects.all()] == [survivor] * 2
    [disclosure] = registry.disclosures(survivor or 0)
    assert disclosure.name == "Guests"
    open_request(NewRequest(kind="erasure", references=("user_id:1",)), door="staff", actor=TESTER)
    act_on_requests()
    assert not ExportedPerson.objects.exists()


@pytest.mark.django_db
def test_a_sweep_takes_the_erased_out_of_what_staff_wrote(purpose: Purpose) -> None:
    send_messages({"userId": "1", "traits": {"email": "ada@example.org"}, "type": "identify"})
    people = {"type": "trait", "key": "email", "operator": "in", "value": ["ada@example.org"]}
    for reason in ("For ada@example.org", "For the spring letter."):
        order = order_of(definition=people, purpose=purpose, reason=reason)
        order_export(order, actor=TESTER)
    open_request(NewRequest(kind="erasure", references=("user_id:1",)), door="staff", actor=TESTER)
    act_on_requests()
    sweep_traces()
    for export in MemberExport.objects.all():
        assert "ada@example.org" not in f"{export.reason} {export.definition}"
    assert MemberExport.objects.filter(reason="For the spring letter.").exists()
    reasons = list(AuditBody.objects.exclude(reason="").values_list("reason", flat=True))
    assert "For the spring letter." in reasons
    assert not any("ada@example.org" in reason for reason in reasons)


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


@pytest.mark.django_db
def test_staff_approve_what_a_colleague_asked_for(purpose: Purpose, settings: Any) -> None:
    settings.EXPORT_SECOND_PERSON_ABOVE = 0
    make_people(1, purpose)
    row = create_list(key="guests", name="Guests", actor=TESTER)
    add_people(row, ["email:export0@example.org"], actor=TESTER)
    asker, approver = sign_in(), sign_in("marketer")
    url = reverse("admin:segments_staticlist_export", args=[row.pk])
    fresh = asker.get(url).context["export_id"]
    body = {"id": str(fresh), "format": "csv", "purpose": purpose.pk, "reason": "The opening."}
    page = asker.post(url, body)["Location"]
    approve = reverse("admin:segments_memberexport_approve", args=[fresh])
    assert approve not in asker.get(page).content.decode()
    assert "Somebody else has to approve it" in asker.post(approve, follow=True).content.decode()
    assert approve in approver.get(page).content.decode()
    assert "may fetch it" in approver.post(approve, follow=True).content.decode()
    file = asker.post(reverse("admin:segments_memberexport_file", args=[fresh]))
    assert body_of(file).count(b"\n") == 2


@pytest.mark.django_db
def test_a_draft_leaves_as_whom_it_fits(purpose: Purpose) -> None:
    make_people(2, purpose)
    draft = create_segment(
        key="lyon", name="Lyon", definition=IN_LYON, purpose=purpose, actor=TESTER
    )
    client = sign_in()
    url = reverse("admin:segments_segment_export", args=[draft.pk])
    page = client.get(url)
    assert "This is a draft" in page.content.decode()
    body = {"id": str(page.context["export_id"]), "format": "csv", "purpose": purpose.pk}
    assert body_of(client.post(url, body)).count(b"\n") == 3
    archive_segment(draft, actor=TESTER)
    assert "An archived segment has no members" in client.get(url).content.decode()
