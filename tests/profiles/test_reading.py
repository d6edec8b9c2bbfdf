"""The log of reads: who of the staff looked at whom, for staff and for the person."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles.models import Identifier, IdentityCase, StaffRead
from profiles.reading import reads_of
from profiles.services import looks_at, prune_reads
from profiles.tasks import prune_audit
from tests.admin import sign_in
from tests.factories import make_client, make_purpose, profile_of, send_messages

pytestmark = pytest.mark.django_db
LIST = "admin:profiles_profile_changelist"


def page_of(reference: str) -> str:
    return reverse("admin:profiles_profile_change", args=[profile_of(reference).pk])


def meet(*names: str) -> None:
    for name in names:
        send_messages({"userId": name, "traits": {"email": f"{name}@example.org"}})


def rows() -> list[tuple[str, str, int]]:
    return list(StaffRead.objects.order_by("pk").values_list("page", "depth", "people"))


def test_a_look_at_a_person_is_one_row_however_often_the_page_is_drawn() -> None:
    meet("ada")
    steward, marketer = sign_in("steward"), sign_in("marketer")
    for client in (steward, steward, marketer):
        assert client.get(page_of("user_id:ada")).status_code == 200
    assert rows() == [("profile", "open", 1), ("profile", "masked", 1)]
    # Ten minutes later it is another look.
    StaffRead.objects.update(at=timezone.now() - timedelta(minutes=11))
    steward.get(page_of("user_id:ada"))
    assert len(rows()) == 3


def test_a_list_is_one_row_with_the_number_of_people() -> None:
    meet("ada", "bob", "cy")
    sign_in("steward").get(reverse(LIST))
    assert rows() == [("list", "open", 3)]
    assert StaffRead.objects.get().person is None


def test_both_people_of_a_case_are_read_and_a_restricted_person_is_not() -> None:
    for name in ("ada", "bob"):
        send_messages({"userId": name, "traits": {"email": "home@example.org"}})
    case = IdentityCase.objects.get()
    steward = sign_in("steward")
    steward.get(reverse("admin:profiles_identitycase_change", args=[case.pk]))
    assert rows() == [("case", "open", 1)] * 2
    profile = profile_of("user_id:ada")
    profile.is_restricted = True
    profile.save()
    steward.get(page_of("user_id:ada"))
    assert len(rows()) == 2


def test_staff_see_who_looked_and_the_person_sees_when_and_not_who() -> None:
    meet("ada")
    sign_in("steward").get(page_of("user_id:ada"))
    profile = profile_of("user_id:ada")
    [(read, name)] = looks_at(profile.identifiers.all())
    assert name.startswith("steward")
    [look] = reads_of([profile.pk])[profile.pk]
    assert look == {"at": read.at, "page": "profile", "depth": "open"}
    assert "Who looked" in sign_in("auditor").get(page_of("user_id:ada")).content.decode()
    assert "Who looked" not in sign_in("marketer").get(page_of("user_id:ada")).content.decode()


def test_looks_at_both_stay_with_one_person_after_a_merge() -> None:
    meet("ada")
    send_messages({"anonymousId": "tablet"})
    steward = sign_in("steward")
    for reference in ("user_id:ada", "anonymous_id:tablet"):
        steward.get(page_of(reference))
    send_messages({"userId": "ada", "anonymousId": "tablet"})
    assert len(looks_at(profile_of("user_id:ada").identifiers.all())) == 2


def test_reads_are_kept_as_long_as_the_setting_says(settings: object) -> None:
    meet("ada")
    sign_in("steward").get(page_of("user_id:ada"))
    assert prune_reads() == 0
    StaffRead.objects.update(at=timezone.now() - timedelta(days=366))
    prune_audit()
    assert not StaffRead.objects.exists()


def test_the_list_of_reads_is_for_those_who_audit() -> None:
    meet("ada")
    sign_in("steward").get(page_of("user_id:ada"))
    reader = StaffRead.objects.get().actor
    url = reverse("admin:profiles_staffread_changelist")
    html = sign_in("auditor").get(url, {"reader": reader}).content.decode()
    uuid = Identifier.objects.get(pk=StaffRead.objects.get().person_id).value
    assert f"…{uuid[-12:]}" in html
    client: Client = sign_in("marketer")
    assert client.get(url).status_code == 403


def test_what_a_service_reads_is_noted_whichever_address_it_is() -> None:
    meet("ada", "bob")
    make_purpose()
    ada = profile_of("user_id:ada")
    service = make_client()
    base = "/api/v1/profiles/"
    references = ["user_id:ada", "user_id:bob", "user_id:nobody"]
    requests = (
        (lambda: service.get(f"{base}{ada.uuid}/"), 1),
        (lambda: service.get(base), 2),
        (lambda: service.post(f"{base}lookup/", {"identifiers": references}), 2),
        (lambda: service.post("/api/v1/consents/state/", {"identifiers": references}), 2),
    )
    for send, people in requests:
        assert send().status_code == 200
        assert StaffRead.objects.latest("pk").people == people
    assert set(StaffRead.objects.values_list("page", flat=True)) == {"api"}
    before = StaffRead.objects.count()
    service.post(f"{base}lookup/", {"identifiers": ["user_id:nobody"]})
    service.get("/api/v1/segments/")
    service.get(f"{base}{uuid4()}/")
    assert StaffRead.objects.count() == before
    service.get(f"{base}{ada.uuid}/events/")
    assert StaffRead.objects.count() == before + 1


def test_the_person_sees_that_a_service_read_and_staff_see_which() -> None:
    meet("ada", "bob")
    make_client().get("/api/v1/profiles/")
    ada = profile_of("user_id:ada")
    [look] = reads_of([ada.pk])[ada.pk]
    assert (look["page"], look["depth"]) == ("api", "open")
    [(_, name)] = looks_at(Identifier.objects.filter(profile=ada))
    assert name == "tests"
    assert "tests" in sign_in().get(page_of("user_id:ada")).content.decode()
