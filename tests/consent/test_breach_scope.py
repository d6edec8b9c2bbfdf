"""The scope of a breach: what an account saw in a span of days, about how many people."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from consent.services import NewRequest, act_on_request, open_request
from profiles.models import AuditEntry, Profile, StaffRead
from profiles.services import Actor, note_list, note_reads, persons_of
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_profile

pytestmark = pytest.mark.django_db
PAGE = "admin:consent_privacyrequest_breach"


def look(reader: Actor, profile: Profile, *, days_ago: int = 0, is_open: bool = True) -> None:
    before = set(StaffRead.objects.values_list("pk", flat=True))
    note_reads(persons_of([profile]), StaffRead.Page.PROFILE, reader=reader, is_open=is_open)
    at = timezone.now() - timedelta(days=days_ago)
    StaffRead.objects.exclude(pk__in=before).update(at=at)


def draw(client: Any, reader: Actor, *, days: int = 6, **more: str) -> Any:
    today = timezone.localdate()
    fields = {"reader": str(reader), "since": today - timedelta(days=days), "until": today}
    return client.post(reverse(PAGE), fields | more)


def test_it_counts_people_once_and_lists_apart_and_leaves_others_out() -> None:
    eve, zoe = (Actor.staff(User.objects.create_user(name)) for name in ("eve", "zoe"))
    ada, bob, old = (make_profile(f"user_id:{number}") for number in range(3))
    look(eve, ada, days_ago=2)
    look(eve, ada)
    look(eve, bob, is_open=False)
    look(eve, old, days_ago=8)
    look(zoe, old)
    note_list(50, reader=eve, is_open=False)
    officer = sign_in("privacy officer")
    scope = draw(officer, eve).context["scope"]
    assert (scope.people, scope.open_people, scope.listed, scope.open_listed) == (2, 1, 50, 0)
    assert [(day.pages, day.lists, day.listed) for day in scope.days] == [(1, 0, 0), (2, 1, 50)]
    entry = AuditEntry.objects.get(verb="read_scope.drawn")
    assert (entry.object_key, entry.changes["people"]) == (str(eve), [None, 2])


def test_what_a_service_read_is_counted_by_people() -> None:
    ada, bob = (make_profile(f"user_id:{number}") for number in range(2))
    service = make_client()
    service.get("/api/v1/profiles/")
    service.get(f"/api/v1/profiles/{ada.uuid}/")
    actor = Actor.parse(StaffRead.objects.values_list("actor", flat=True).first() or "")
    officer = sign_in("privacy officer")
    scope = draw(officer, actor).context["scope"]
    assert (scope.people, scope.open_people, scope.listed) == (2, 2, 0)
    ids = draw(officer, actor, export="1").content.decode().split()
    assert sorted(ids) == sorted(["id", str(ada.uuid), str(bob.uuid)])


def test_the_public_ids_are_handed_out_and_that_is_written_down() -> None:
    eve = Actor.staff(User.objects.create_user("eve"))
    ada, bob = (make_profile(f"user_id:{number}") for number in range(2))
    look(eve, ada)
    look(eve, bob)
    new_request = NewRequest(kind="erasure", references=(f"profile:{bob.uuid}",))
    act_on_request(open_request(new_request, door="service", actor=TESTER).pk, actor=TESTER)
    answer = draw(sign_in("privacy officer"), eve, export="1")
    assert answer.content.decode().split() == ["id", str(ada.uuid)]
    assert AuditEntry.objects.filter(verb="read_scope.exported").count() == 1


def test_a_span_that_ends_before_it_begins_is_refused_and_nothing_is_drawn() -> None:
    eve = Actor.staff(User.objects.create_user("eve"))
    note_list(50, reader=eve, is_open=False)
    answer = draw(sign_in("privacy officer"), eve, days=-1)
    assert answer.context["scope"] is None
    assert "before the first day" in answer.content.decode()


@pytest.mark.parametrize("role", ["auditor", "marketer", "steward"])
def test_other_roles_do_not_draw_it(role: str) -> None:
    assert sign_in(role).get(reverse(PAGE)).status_code == 403
