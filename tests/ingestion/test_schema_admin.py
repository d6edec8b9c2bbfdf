"""The registry in the admin: lists, pages with their picture, and decisions about many."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion.models import ForbiddenName
from profiles.models import AuditEntry, EventName, SchemaKey, Source, TraitDefinition
from profiles.services import fold_tallies
from tests.admin import sign_in
from tests.ingestion.conftest import Send

pytestmark = pytest.mark.django_db
LIST = "admin:profiles_schemakey_changelist"


@pytest.fixture
def registry(shop: Source, send: Send) -> dict[str, SchemaKey]:
    send(
        *(
            {
                "type": "track",
                "userId": f"u{number}",
                "event": "Bought",
                "properties": {"size": "Medium", "ssn": "7"},
            }
            for number in range(10)
        ),
        {"type": "identify", "userId": "u1", "traits": {"town": "Lyon"}},
    )
    fold_tallies()
    return {key.path: key for key in SchemaKey.objects.filter(part="property")}


def act(client: Client, where: str, action: str, *rows: Any) -> Any:
    body = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(where), body)


def test_the_lists_show_what_came(registry: dict[str, SchemaKey]) -> None:
    client = sign_in("marketer")
    page = client.get(reverse(LIST)).content.decode()
    assert "size" in page
    assert "Bought" in page
    assert "≈ 10" in page
    assert (
        "town" in client.get(reverse("admin:profiles_traitdefinition_changelist")).content.decode()
    )
    assert "Bought" in client.get(reverse("admin:profiles_eventname_changelist")).content.decode()


def test_many_are_reviewed_at_once_with_an_entry_each(registry: dict[str, SchemaKey]) -> None:
    before = AuditEntry.objects.count()
    assert act(sign_in("steward"), LIST, "special", *registry.values()).status_code == 302
    rows = SchemaKey.objects.filter(part="property")
    assert set(rows.values_list("category", "is_reviewed")) == {("special", True)}
    assert AuditEntry.objects.count() == before + len(registry)
    town = TraitDefinition.objects.get(key="town")
    act(sign_in("steward"), "admin:profiles_traitdefinition_changelist", "contact", town)
    town.refresh_from_db()
    assert (town.category, town.is_reviewed) == ("contact", True)


def test_a_name_is_forbidden_from_the_list(registry: dict[str, SchemaKey]) -> None:
    act(sign_in("steward"), LIST, "forbid", registry["ssn"])
    assert ForbiddenName.objects.get().name == "ssn"


def test_who_may_not_change_decides_nothing(registry: dict[str, SchemaKey]) -> None:
    act(sign_in("marketer"), LIST, "special", registry["size"])
    act(sign_in("marketer"), LIST, "forbid", registry["size"])
    assert not SchemaKey.objects.filter(is_reviewed=True).exists()
    assert not ForbiddenName.objects.exists()


def test_a_page_has_values_once_it_is_reviewed(registry: dict[str, SchemaKey]) -> None:
    client = sign_in("steward")
    url = reverse("admin:profiles_schemakey_change", args=[registry["size"].pk])
    assert "Medium" not in client.get(url).content.decode()
    assert client.post(url, {"category": "ordinary"}).status_code == 302
    page = client.get(url).content.decode()
    assert "Medium" in page
    assert "t-bars" in page
    event = EventName.objects.get(name="Bought")
    page = client.get(reverse("admin:profiles_eventname_change", args=[event.pk])).content.decode()
    assert "size" in page
    assert "100%" in page


def test_staff_say_which_event_reduces_which(registry: dict[str, SchemaKey]) -> None:
    client = sign_in("steward")
    refund = EventName.objects.create(kind="track", name="Money Back")
    url = reverse("admin:profiles_eventname_change", args=[refund.pk])
    assert '<option value="Bought">' in client.get(url).content.decode()
    assert client.post(url, {"reduces": "Bought"}).status_code == 302
    refund.refresh_from_db()
    assert refund.reduces == "Bought"
    bought = EventName.objects.get(name="Bought")
    page = client.get(reverse("admin:profiles_eventname_change", args=[bought.pk]))
    # What reduces another is reduced by nothing.
    assert '<option value="Money Back">' not in page.content.decode()
    entry = AuditEntry.objects.get(object_type="event_name")
    assert (entry.object_key, entry.changes["reduces"]) == ("track:Money Back", ["", "Bought"])
