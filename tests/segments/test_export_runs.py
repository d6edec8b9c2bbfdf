"""Exports as staff run them: what a role sees, how far one is, and what stops it."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.models import Purpose
from profiles.models import TraitDefinition
from segments.models import MemberExport, Segment
from segments.services import order_export, stop_silent_exports, take_export, write_export
from tests.admin import sign_in
from tests.factories import TESTER, make_purpose
from tests.segments.exporting import body_of, make_people, make_segment, order_of, permit


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("newsletter")


def taken_export(segment: Segment) -> MemberExport:
    export = order_export(order_of(segment=segment), actor=TESTER)
    take_export(export, actor=TESTER)
    return export


def exported(role: str, segment: Segment, **form: Any) -> Any:
    url = reverse("admin:segments_segment_export", args=[segment.pk])
    client = sign_in(role)
    fresh = client.get(url).context["export_id"]
    body = {"id": str(fresh), "format": "jsonl", "purpose": segment.purpose_id, **form}
    return client.post(url, body)


@pytest.mark.django_db
def test_staff_export_what_their_role_sees(purpose: Purpose) -> None:
    for key, category in (("email", "contact"), ("city", "ordinary"), ("iban", "ordinary")):
        TraitDefinition.objects.create(
            key=key, type="text", category=category, is_reviewed=key != "iban"
        )
    make_people(1, purpose, email="ada@example.org", iban="FR7630006000011234567890189")
    segment = make_segment(purpose)
    columns = ["trait.email", "trait.city", "trait.iban", "identifier.email"]
    masked = body_of(exported("marketer", segment, columns=columns)).decode()
    assert "Lyon" in masked
    assert "example.org" not in masked
    assert "FR76" not in masked
    assert "ada@example.org" in body_of(exported("", segment, columns=columns)).decode()
    assert exported("auditor", segment).status_code == 403


@pytest.mark.django_db
def test_staff_see_how_far_an_export_is(purpose: Purpose) -> None:
    profiles = make_people(3, purpose)
    permit(profiles[0], purpose, state="withdrawn")
    segment = make_segment(purpose)
    response = exported("", segment)
    progress = reverse("admin:segments_memberexport_progress", args=[response["Tessera-Export"]])
    client = sign_in()
    assert "Under way" in client.get(progress, headers={"HX-Request": "true"}).content.decode()
    body_of(response)
    shown = client.get(progress).content.decode()
    assert "The file is complete" in shown
    assert "1: refused or withdrew" in shown
    page = client.get(reverse("admin:segments_segment_use", args=[segment.pk])).content.decode()
    assert "newsletter" in page


@pytest.mark.django_db
def test_an_export_whose_reader_goes_away_is_stopped(purpose: Purpose) -> None:
    make_people(2, purpose)
    segment = make_segment(purpose)
    file: Any = write_export(taken_export(segment))
    next(file)
    file.close()
    assert MemberExport.objects.get().state == "stopped"


@pytest.mark.django_db
def test_an_export_whose_process_was_killed_is_stopped_and_a_slow_one_goes_on(
    purpose: Purpose,
) -> None:
    make_people(1, purpose)
    segment = make_segment(purpose)
    killed, slow, new = (taken_export(segment) for _ in range(3))
    file = write_export(slow)
    next(file)
    silent = timezone.now() - timedelta(minutes=11)
    MemberExport.objects.exclude(pk=new.pk).update(moved_at=silent)
    assert stop_silent_exports() == 2
    b"".join(file)
    states = dict(MemberExport.objects.values_list("pk", "state"))
    assert states == {killed.pk: "stopped", slow.pk: "done", new.pk: "running"}
