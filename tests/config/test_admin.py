"""All lists and pages of the admin: they answer, obey roles, and make few queries."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.site.navigation import GROUPS, sidebar
from tests.admin import make_world, sign_in

pytestmark = pytest.mark.django_db


def urls_of(model: type[Model]) -> Iterator[str]:
    """Yield the URLs of the model's list and of its first row's page."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{name}_changelist")
    # Digests have no page.
    if model._meta.label == "consent.Suppression":
        return
    row = model._default_manager.first()
    assert row is not None, f"make_world makes no {model._meta.label}"
    yield reverse(f"{name}_change", args=[row.pk])


@pytest.fixture
def world() -> dict[str, Any]:
    return make_world()


def test_every_list_and_every_page_answers_to_a_superuser(world: dict[str, Any]) -> None:
    client = sign_in()
    for model, model_admin in admin.site._registry.items():
        for url in urls_of(model):
            response = client.get(url)
            assert response.status_code == 200, (url, response.status_code)
        request = response.wsgi_request
        if model_admin.has_add_permission(request):
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
            assert client.get(url, follow=True).status_code == 200, url


def test_an_auditor_reads_everything_and_writes_nothing(world: dict[str, Any]) -> None:
    client = sign_in("auditor")
    before = count_rows()
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for url in urls_of(model):
            response = client.get(url)
            assert response.status_code == 200, (url, response.status_code)
            post_response = client.post(url, {"_save": "1", "action": "", "name": "x"})
            assert post_response.status_code in (200, 302, 403, 405)
        request = response.wsgi_request
        assert not model_admin.has_add_permission(request), name
        assert not model_admin.has_change_permission(request), name
        assert not model_admin.has_delete_permission(request), name
    # What an auditor looks at is written down like any other look.
    assert {**count_rows(), "profiles.StaffRead": 0} == {**before, "profiles.StaffRead": 0}


def test_the_verbs_of_the_admin_refuse_an_auditor(world: dict[str, Any]) -> None:
    client = sign_in("auditor")
    profile, request = world["profile"].pk, world["request"].pk
    verbs = [
        reverse("admin:profiles_profile_rectify", args=[profile]),
        reverse("admin:consent_privacyrequest_open", args=[profile]),
        *(
            reverse(f"admin:consent_privacyrequest_{step}", args=[request])
            for step in ("verify", "refuse", "cancel", "stop", "lift", "extend", "act", "archive")
        ),
        reverse("admin:consent_bulkrequest_add"),
        reverse("admin:profiles_apikey_add"),
        reverse("admin:profiles_apikey_revoke", args=[world["api_key"].pk]),
        reverse("admin:profiles_source_make_key", args=[world["source"].pk, "secret"]),
        reverse("admin:profiles_source_revoke", args=[world["source"].pk, world["write_key"].pk]),
        reverse("admin:profiles_source_make_secret", args=[world["source"].pk]),
        *(
            reverse(f"admin:ingestion_rejectedmessage_{verb}", args=[world["rejected"].pk])
            for verb in ("replay", "mend", "check")
        ),
        reverse("admin:ingestion_rejectedmessage_fault"),
        reverse("admin:ingestion_fileimport_upload"),
        reverse("admin:ingestion_product_upload"),
        *(reverse(f"admin:ingestion_hook_{page}") for page in ("connect", "own", "outcome")),
        *(reverse(f"admin:ingestion_hook_{page}", args=[1]) for page in ("replace", "end")),
        reverse("admin:ingestion_sqlsource_add"),
        reverse("admin:ingestion_sqlsource_new_outcome"),
        *(
            reverse(f"admin:ingestion_sqlsource_{verb}", args=[world["sql_source"].pk])
            for verb in ("edit", "outcome", "run", "pause", "resume", "end")
        ),
        *(
            reverse(f"admin:ingestion_fileimport_{verb}", args=[world["import"].pk])
            for verb in ("mapping", "cancel")
        ),
    ]
    for url in verbs:
        assert client.post(url, {"reason": "x", "kind": "erasure"}).status_code == 403, url


def test_who_is_not_staff_sees_only_the_login(client: Client) -> None:
    client.force_login(User.objects.create_user("outsider"))
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]


def test_the_sidebar_names_only_lists_that_exist_and_that_the_user_may_view(
    world: dict[str, Any],
) -> None:
    for entries in GROUPS.values():
        for entry in entries:
            assert reverse(entry.url_name)
    page = sign_in("marketer").get(reverse("admin:index")).content.decode()
    assert reverse("admin:segments_segment_changelist") in page
    assert reverse("admin:consent_consentevent_changelist") not in page
    assert reverse("admin:profiles_apikey_changelist") not in page


@pytest.mark.parametrize("role", ["marketer", "steward", "privacy officer", "auditor", "admin"])
def test_every_role_exists_and_opens_the_overview(role: str, world: dict[str, Any]) -> None:
    assert Group.objects.get(name=role).permissions.exists()
    assert sign_in(role).get(reverse("admin:index")).status_code == 200


def test_the_overview_asks_the_same_number_of_questions_however_much_there_is(
    world: dict[str, Any],
) -> None:
    client = sign_in()
    few = count_queries(client, reverse("admin:index"))
    make_world(people=30)
    assert count_queries(client, reverse("admin:index")) == few <= 24


def test_no_list_asks_more_for_fifty_rows_than_for_a_few(world: dict[str, Any]) -> None:
    client = sign_in()
    urls = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    # Looking at people is written down, and that is a list, too.
    for url in urls:
        client.get(url)
    few = {url: count_queries(client, url) for url in urls}
    make_world(people=50)
    many = {url: count_queries(client, url) for url in urls}
    assert {url: (few[url], many[url]) for url in urls if many[url] > few[url]} == {}
    assert {url: number for url, number in few.items() if number > 16} == {}


def test_only_a_superuser_makes_superusers() -> None:
    client = sign_in("admin")
    colleague = User.objects.create_user("colleague", is_staff=True)
    url = reverse("admin:auth_user_change", args=[colleague.pk])
    response = client.post(
        url, {"username": "colleague", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    )
    assert response.status_code in (200, 302)
    colleague.refresh_from_db()
    assert not colleague.is_superuser
    owner = User.objects.create_superuser("owner")
    url = reverse("admin:auth_user_change", args=[owner.pk])
    client.post(url, {"username": "taken-over", "is_active": "on"})
    owner.refresh_from_db()
    assert owner.username == "owner"


def count_queries(client: Client, url: str) -> int:
    """Return how many queries the page takes once caches are filled."""
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def count_rows() -> dict[str, int]:
    """Return the number of rows of every model in the admin."""
    return {model._meta.label: model._default_manager.count() for model in admin.site._registry}


@pytest.mark.parametrize(
    "entry", [entry for entries in GROUPS.values() for entry in entries], ids=lambda e: str(e.title)
)
def test_the_menu_says_by_one_entry_where_somebody_is(entry: Any, rf: RequestFactory) -> None:
    user = User.objects.create_superuser("ada")
    for below in ("", "add/", "?state=open"):
        request = rf.get(f"{reverse(entry.url_name)}{below}")
        request.user = user
        items = [item for group in sidebar(request)[1:] for item in group["items"]]
        assert [str(item["title"]) for item in items if item["active"](request)] == [
            str(entry.title)
        ]
