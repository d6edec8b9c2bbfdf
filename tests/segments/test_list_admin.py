"""Lists in the admin: people are named by pasting or uploading, by whoever may see them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from segments.models import ListedPerson, StaticList
from segments.services import create_list
from tests.admin import sign_in
from tests.factories import TESTER, make_profile
from tests.segments.evaluations import build_segment

pytestmark = pytest.mark.django_db


def page(name: str, row: StaticList) -> str:
    return reverse(f"admin:segments_staticlist_{name}", args=[row.pk])


@pytest.fixture
def guests() -> StaticList:
    return create_list(key="guests", name="Guests", actor=TESTER)


def test_people_are_pasted_uploaded_and_taken_off(guests: StaticList) -> None:
    make_profile("email:ada@example.org")
    make_profile("user_id:7")
    client = sign_in()
    assert client.get(page("put_on", guests)).status_code == 200
    pasted = {"namespace": "email", "lines": "Ada@example.org\nno@example.org\n\n"}
    answer = client.post(page("put_on", guests), pasted, follow=True).content.decode()
    assert "1 person." in answer
    assert "1 identifier names nobody." in answer
    assert "no@example.org" not in answer
    upload = SimpleUploadedFile("people.txt", b"\xef\xbb\xbfuser_id:7\r\n")
    client.post(page("put_on", guests), {"upload": upload})
    assert ListedPerson.objects.count() == 2
    client.post(page("take_off", guests), {"lines": "user_id:7"})
    assert ListedPerson.objects.count() == 1


def test_bad_uploads_are_told(guests: StaticList) -> None:
    client = sign_in()
    for fields, text in (
        ({"lines": " "}, "Name somebody."),
        ({"upload": SimpleUploadedFile("people.txt", b"\xff\xfe")}, "not UTF-8"),
    ):
        assert text in client.post(page("put_on", guests), fields).content.decode()


def test_a_list_is_made_filled_and_deleted() -> None:
    make_profile("user_id:7")
    segment = build_segment({"type": "everyone"})
    client = sign_in()
    add = reverse("admin:segments_staticlist_add")
    client.post(add, {"key": "press", "name": "Press"})
    assert "There is a list" in client.post(add, {"key": "press", "name": "P"}).content.decode()
    row = StaticList.objects.get()
    client.post(page("fill", row), {"segment": segment.pk})
    assert ListedPerson.objects.count() == 1
    assert "anonymous" in client.get(page("change", row)).content.decode()
    client.post(page("end", row))
    assert not StaticList.objects.exists()


def test_a_marketer_names_nobody_and_sees_no_list_that_hidden_data_chose(
    guests: StaticList,
) -> None:
    marketer = sign_in("marketer")
    assert marketer.post(page("put_on", guests), {"lines": "user_id:7"}).status_code == 403
    assert marketer.get(page("fill", guests)).status_code == 200
    StaticList.objects.update(is_sensitive=True)
    hidden = marketer.get(page("change", guests)).content.decode()
    assert "hidden from you" in hidden
    assert "0 people" not in hidden
    assert "0 people" in sign_in().get(page("change", guests)).content.decode()
    assert marketer.get(page("fill", guests)).status_code == 403
    [row] = marketer.get(reverse("admin:segments_staticlist_changelist")).context["cl"].result_list
    assert row.is_hidden
    auditor = sign_in("auditor")
    for name in ("put_on", "take_off", "fill", "end"):
        assert auditor.post(page(name, guests)).status_code == 403
