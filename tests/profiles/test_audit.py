"""Who did it: every public write names its actor and leaves one entry, without personal data."""

import inspect
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.utils import IntegrityError
from django.urls import reverse
from django.utils import timezone

import consent.services
import profiles.services
from consent.services import NewRequest
from profiles.models import AuditBody, AuditEntry
from profiles.models.access import Scope
from profiles.services import (
    Actor,
    actor_names,
    anonymise_staff,
    audited,
    change_source,
    prune_audit,
    rectify,
)
from segments.services import update_segment
from tests.admin import make_world, sign_in
from tests.factories import (
    TESTER,
    make_client,
    make_profile,
    make_purpose,
    make_source,
    profile_of,
    send_messages,
)
from tests.profiles.audit_exemptions import EXEMPT, WITHOUT_ENTRY
from tests.profiles.audited_calls import CALLS
from tests.profiles.audited_segments import make_segment
from tests.profiles.service_calls import public_functions
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db

TOOLS = ("audited", "save_audited", "delete_audited")


def writers() -> list[str]:
    """The public functions that say who acts."""
    return [
        name
        for name, function in public_functions().items()
        if "actor" in inspect.signature(function).parameters and name not in TOOLS
    ]


def test_every_public_function_names_its_actor_or_is_exempt_with_a_reason() -> None:
    functions = public_functions()
    silent = functions.keys() - set(writers()) - set(TOOLS)
    assert silent == EXEMPT.keys()
    for name in (*writers(), *TOOLS):
        parameter = inspect.signature(functions[name]).parameters["actor"]
        assert parameter.annotation is Actor, name
        assert parameter.default is inspect.Parameter.empty, name


def test_every_writer_is_called_below() -> None:
    assert set(writers()) == CALLS.keys() | WITHOUT_ENTRY.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_write_leaves_one_entry_in_the_name_of_its_actor(name: str) -> None:
    call = CALLS[name]()
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    call(Actor.system("somebody"))
    (entry,) = AuditEntry.objects.exclude(pk__in=before)
    assert (entry.actor_kind, entry.actor_id) == ("system", "somebody")
    assert entry.verb.partition(".")[0] == entry.object_type
    if entry.object_type != "profile":
        assert entry.object_key
        for before_and_after in entry.changes.values():
            assert len(before_and_after) == 2


def test_a_write_that_fails_leaves_no_entry() -> None:
    make_purpose("news")
    AuditEntry.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_purpose("news")
    assert not AuditEntry.objects.exists()


def test_only_the_outermost_write_leaves_an_entry() -> None:
    with audited(TESTER, "shop.opened") as deed:
        make_source_by_service("one")
        make_source_by_service("two")
        deed.about("shop", "lyon")
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_key) == ("shop.opened", "lyon")
    make_source_by_service("three")
    assert AuditEntry.objects.count() == 2


def make_source_by_service(key: str) -> None:
    profiles.services.create_source(key, actor=TESTER)


def test_changes_of_configuration_are_kept_in_full_and_definitions_by_version() -> None:
    source = make_source(key="shop", name="Shop")
    change_source(source, name="Boutique", actor=TESTER)
    assert AuditEntry.objects.get().changes == {"name": ["Shop", "Boutique"]}
    segment = make_segment()
    secret = {"type": "trait", "key": "email", "operator": "equals", "value": "ada@example.org"}
    update_segment(segment, changes={"definition": secret, "name": "Ada"}, actor=TESTER)
    latest = AuditEntry.objects.latest("at")
    assert latest.changes == {"name": ["Known", "Ada"], "version": [1, 2]}
    assert "ada@example.org" not in str(list(AuditEntry.objects.values()))


def test_of_people_the_entry_names_what_changed_and_erasure_takes_the_rest() -> None:
    profile = make_profile("email:ada@example.org")
    rectify(profile.pk, {"city": "Lyon"}, actor=TESTER, reason="Ada wrote on 3 May")
    entry = AuditEntry.objects.get()
    assert (entry.object_key, entry.changes) == ("", {"traits": ["city"]})
    assert (entry.body.object_key, entry.body.reason) == (str(profile.uuid), "Ada wrote on 3 May")
    request = consent.services.open_request(
        NewRequest(kind="erasure", references=("email:ada@example.org",)),
        door="staff",
        actor=TESTER,
    )
    consent.services.act_on_request(request.pk, actor=TESTER)
    assert not AuditBody.objects.filter(entry=entry).exists()
    assert AuditEntry.objects.filter(pk=entry.pk).exists()
    assert str(profile.uuid) not in str(list(AuditEntry.objects.values()))


def test_a_rectification_by_a_request_is_in_the_name_of_who_asked() -> None:
    profile = make_profile("email:ada@example.org")
    request = consent.services.open_request(
        NewRequest(
            kind="rectification",
            references=("email:ada@example.org",),
            changes={"city": "Lyon"},
        ),
        door="staff",
        actor=TESTER,
    )
    consent.services.act_on_request(request.pk, actor=Actor.system("worker"))
    entry = AuditEntry.objects.get(verb="profile.rectified")
    assert (entry.actor_id, entry.body.object_key) == ("tests", str(profile.uuid))


def test_a_body_goes_with_its_person_into_the_survivor_of_a_merge() -> None:
    send_messages({"anonymousId": "a1"}, {"userId": "u1"})
    rectify(profile_of("anonymous_id:a1").pk, {"city": "Lyon"}, actor=TESTER, reason="")
    send_messages({"anonymousId": "a1", "userId": "u1"})
    survivor = profile_of("user_id:u1")
    assert AuditBody.objects.get().identifier.profile_id == survivor.pk
    page = sign_in().get(reverse("admin:profiles_profile_history", args=[survivor.pk]))
    assert b"traits: city" in page.content


def test_an_anonymised_account_keeps_what_it_did_and_loses_its_name() -> None:
    user = User.objects.create_user("ada", "ada@example.org", first_name="Ada", is_staff=True)
    change_source(make_source(), name="Shop", actor=Actor.staff(user))
    anonymise_staff(user, actor=TESTER)
    user.refresh_from_db()
    assert (user.email, user.first_name, user.is_active) == ("", "", False)
    assert actor_names([f"staff:{user.pk}"]) == {f"staff:{user.pk}": f"former-{user.pk}"}
    assert AuditEntry.objects.filter(actor_kind="staff", actor_id=str(user.pk)).count() == 1


def test_entries_are_never_changed_and_end_with_their_lifetime(settings: Any) -> None:
    make_source_by_service("old")
    make_source_by_service("new")
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.update(actor_id="somebody else")
    settings.AUDIT_DAYS = 30
    aged = AuditEntry.objects.get(object_key="old")
    aged.delete()
    AuditEntry.objects.create(
        pk=aged.pk,
        at=timezone.now() - timedelta(days=31),
        actor_kind="system",
        verb=aged.verb,
        object_type="source",
        object_key="old",
    )
    assert prune_audit() == 1
    assert [entry.object_key for entry in AuditEntry.objects.all()] == ["new"]


def test_the_api_lists_who_did_what() -> None:
    client = make_client(Scope.PRIVACY_ADMIN)
    response = client.post("/api/v1/sources/", {"key": "shop", "kind": "secret"})
    assert response.status_code == 201
    staff = User.objects.create_superuser("ada")
    change_source(make_source(key="shop"), name="Boutique", actor=Actor.staff(staff))
    profile = make_profile("user_id:1")
    rectify(profile.pk, {"city": "Lyon"}, actor=TESTER, reason="asked for")
    rectified, changed, created, _ = client.get("/api/v1/audit/").json()["results"]
    assert rectified["object"] == {"type": "profile", "key": str(profile.uuid)}
    assert (rectified["changes"], rectified["reason"]) == ({"traits": ["city"]}, "asked for")
    assert changed["actor"] == {"kind": "staff", "id": "ada"}
    assert changed["changes"] == {"name": ["Shop", "Boutique"]}
    assert (created["actor"]["kind"], created["verb"]) == ("service", "source.created")
    assert created["actor"]["id"].startswith("tsk_")
    assert rectified.keys() == {"id", "at", "actor", "verb", "object", "changes", "reason"}
    for query, found in (
        ("object_type=source", 2),
        ("object_type=source&object_key=shop&actor=staff", 1),
        (f"object_key={profile.uuid}", 1),
        ("verb=profile.rectified", 1),
    ):
        assert len(client.get(f"/api/v1/audit/?{query}").json()["results"]) == found, query
    assert make_client(Scope.PROFILES_READ).get("/api/v1/audit/").status_code == 403


@pytest.mark.parametrize(
    ("url", "role"),
    [("admin:profiles_auditentry_changelist", role) for role in ("auditor", "privacy officer")],
)
def test_the_admin_lists_the_audit_to_those_who_may_see_it(url: str, role: str) -> None:
    make_world()
    page = sign_in(role).get(reverse(url))
    assert page.status_code == 200
    assert b"created" in page.content
    assert sign_in("marketer").get(reverse(url)).status_code == 403


def test_each_object_shows_its_history() -> None:
    client = sign_in()
    body = {"key": "till", "name": "Till", "priority": "10", "party": "first"}
    assert client.post(reverse("admin:profiles_source_add"), body).status_code == 302
    source = make_source(key="till")
    change = reverse("admin:profiles_source_change", args=[source.pk])
    assert client.post(change, body | {"name": "Cash desk"}).status_code == 302
    page = client.get(reverse("admin:profiles_source_history", args=[source.pk])).content.decode()
    assert "Till → Cash desk" in page
    assert "owner-" in page


def test_staff_and_roles_are_audited_in_the_admin() -> None:
    client = sign_in()
    new = {"username": "ada", "password1": "a-long-Phrase-5", "password2": "a-long-Phrase-5"}
    assert (
        client.post(reverse("admin:auth_user_add"), new | {"usable_password": "true"}).status_code
        == 302
    )
    ada = User.objects.get(username="ada")
    entry = AuditEntry.objects.get(verb="staff.created")
    assert (entry.object_key, entry.actor_kind) == (str(ada.pk), "staff")
    assert "ada" not in without_ids(str(entry.changes))
    role = {"name": "helper", "permissions": []}
    assert client.post(reverse("admin:auth_group_add"), role).status_code == 302
    assert AuditEntry.objects.get(verb="role.created").object_key == "helper"
    helper = Group.objects.get(name="helper")
    form = {
        "username": "ada",
        "is_active": "on",
        "is_staff": "on",
        "groups": [helper.pk],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    assert client.post(reverse("admin:auth_user_change", args=[ada.pk]), form).status_code == 302
    changed = AuditEntry.objects.get(verb="staff.changed")
    assert changed.changes["roles"] == [[], ["helper"]]
    passwords = {"password1": "another-Phrase-6", "password2": "another-Phrase-6"}
    url = reverse("admin:auth_user_password_change", args=[ada.pk])
    assert client.post(url, passwords | {"usable_password": "true"}).status_code == 302
    assert AuditEntry.objects.filter(verb="staff.password_changed").count() == 1
