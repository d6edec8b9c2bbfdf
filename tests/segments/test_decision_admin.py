"""Keeping people in or out, exclusive groups and pauses, in the admin."""

import pytest
from django.urls import reverse

from segments.models import ExclusiveGroup, Override, Segment
from tests.admin import sign_in
from tests.factories import make_profile
from tests.segments.evaluations import build_segment, members_of, trait

pytestmark = pytest.mark.django_db
BODY = {"identifier": "user_id:ada", "kind": "include", "reason": "A friend of the house."}


def page(name: str, segment: Segment) -> str:
    return reverse(f"admin:segments_segment_{name}", args=[segment.pk])


@pytest.fixture
def segment() -> Segment:
    make_profile("user_id:ada")
    return build_segment(trait("city", "equals", "Lyon"))


def test_somebody_is_kept_in_shown_and_released(segment: Segment) -> None:
    client = sign_in()
    assert client.get(page("decide", segment)).status_code == 200
    assert "names nobody" in (
        client.post(page("decide", segment), BODY | {"identifier": "user_id:no"}).content.decode()
    )
    past = client.post(page("decide", segment), BODY | {"ends_on": "2020-01-01"})
    assert "after the start" in past.content.decode()
    answer = client.post(page("decide", segment), BODY, follow=True).content.decode()
    assert "A friend of the house." in answer
    assert "for good" in answer
    override = Override.objects.get()
    assert members_of() == {override.profile_id}
    client.post(page("release", segment), {"profile": "9" * 30})
    client.post(page("release", segment), {"profile": override.profile_id})
    assert members_of() == set()


def test_a_marketer_sees_no_reason_and_decides_about_nobody(segment: Segment) -> None:
    sign_in().post(page("decide", segment), BODY)
    marketer = sign_in("marketer")
    shown = marketer.get(page("decisions", segment)).content.decode()
    assert "always in" in shown
    assert "A friend of the house." not in shown
    for name in ("decide", "release"):
        assert marketer.post(page(name, segment), BODY).status_code == 403
    assert sign_in("auditor").post(page("pause", segment)).status_code == 403


def test_a_segment_is_paused_and_let_out_again(segment: Segment) -> None:
    client = sign_in()
    answer = client.post(page("pause", segment), follow=True).content.decode()
    assert "Paused since" in answer
    client.post(page("pause", segment), {"resume": "1"})
    assert Segment.objects.get().paused_at is None


def test_an_exclusive_group_is_made_ordered_and_ended(segment: Segment) -> None:
    build_segment({"type": "everyone"}, key="all")
    client = sign_in()
    add = reverse("admin:segments_exclusivegroup_add")
    body = {"key": "offers", "name": "Offers", "segments": "kept\nnowhere"}
    assert "no segment nowhere" in client.post(add, body).content.decode()
    client.post(add, body | {"segments": "kept all"})
    group = ExclusiveGroup.objects.get()
    edit = reverse("admin:segments_exclusivegroup_edit", args=[group.pk])
    assert "kept\nall" in client.get(edit).content.decode()
    client.post(edit, {"name": "Offers", "segments": "all kept"})
    assert list(group.segments.order_by("place_in_group").values_list("key", flat=True)) == [
        "all",
        "kept",
    ]
    assert "this one" in client.get(page("decisions", segment)).content.decode()
    client.post(reverse("admin:segments_exclusivegroup_end", args=[group.pk]))
    assert not ExclusiveGroup.objects.exists()
    assert Segment.objects.filter(group=None).count() == 2


def test_a_marketer_groups_nothing_with_a_segment_that_is_hidden(segment: Segment) -> None:
    build_segment(trait("email", "exists"), key="hidden")
    marketer, add = sign_in("marketer"), reverse("admin:segments_exclusivegroup_add")
    body = {"key": "offers", "name": "Offers", "segments": "hidden\nkept"}
    assert marketer.post(add, body).status_code == 403
    assert marketer.post(add, body | {"segments": "kept"}).status_code == 302
    group = ExclusiveGroup.objects.get()
    edit = reverse("admin:segments_exclusivegroup_edit", args=[group.pk])
    end = reverse("admin:segments_exclusivegroup_end", args=[group.pk])
    assert marketer.post(edit, body).status_code == 403
    assert sign_in().post(edit, body).status_code == 302
    assert marketer.post(edit, body | {"segments": "kept"}).status_code == 403
    assert marketer.post(end).status_code == 403
