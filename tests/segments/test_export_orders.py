"""Exports that are ordered: of segments, lists and definitions, and with a second person."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.models import Purpose
from consent.services import NewRequest, act_on_requests, open_request, sweep_traces
from profiles.models import AuditBody, AuditEntry, Identifier, Profile, TraitDefinition
from profiles.registry import registry
from profiles.services import SamePerson
from segments.models import ExportedPerson, MemberExport
from segments.services import (
    ExportGone,
    SegmentError,
    add_people,
    approve_export,
    archive_segment,
    create_list,
    create_segment,
    decline_export,
    expire_exports,
    make_link,
    order_export,
    take_export,
    withdraw_export,
    write_export,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose, send_messages
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
