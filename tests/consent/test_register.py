"""The register of processing: it says what the store goes by, and nothing of a person."""

import csv
import io
import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils.translation import override

from consent.services import make_register
from profiles.lib.database import database_now
from profiles.registry import registry
from tests.admin import make_world, sign_in
from tests.factories import make_client, make_purpose

pytestmark = pytest.mark.django_db
PAGE = "admin:consent_purpose_register"


def test_it_has_each_purpose_in_its_current_version_and_each_class_of_data() -> None:
    make_purpose("orders", legal_basis="contract", categories=["address"], retention="10 years")
    make_purpose("news", recipients=["the printer"], transfer_countries=["CH"])
    register = make_register(now=database_now())
    assert [each.key for each in register.activities] == ["news", "orders"]
    assert register.activities[1].retention == "10 years"
    personal = [data.title for data in registry if data.given or data.observed or data.inferred]
    assert [each.title for each in register.data_classes] == personal


def test_it_names_each_class_of_data_and_each_lifetime_in_french() -> None:
    with override("en"):
        english = _titles()
    with override("fr"):
        french = _titles()
    assert [title for title in english if title in french] == ["Corrections", "Codes"]


def _titles() -> list[str]:
    register = make_register(now=database_now())
    classes = [each.title for each in register.data_classes]
    return [*classes, *(each.subject for each in register.lifetimes)]


def test_it_names_receivers_by_their_hosts_and_no_person() -> None:
    world = make_world(people=1)
    page = sign_in("privacy officer").get(reverse(PAGE)).content.decode()
    assert "shop.example" in page
    assert "/hooks" not in page
    assert world["source"].name in page
    assert "Lovelace" not in page
    assert "example.org" not in page


def test_it_prints_and_is_handed_out_as_csv_and_json(settings: Any) -> None:
    settings.CONTROLLER_NAME, settings.DPO_CONTACT = "=Acme", "dpo@acme.example"
    make_purpose("news", recipients=["+1 the printer"], is_profiling=True)
    auditor = sign_in("auditor")
    assert "dpo@acme.example" in auditor.get(reverse(PAGE)).content.decode()
    answer = auditor.get(reverse(PAGE), {"format": "csv"})
    assert 'filename="register.csv"' in answer["Content-Disposition"]
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["controller"], row["recipients"]) == ("'=Acme", "'+1 the printer")
    assert row["is_profiling"] == "yes"
    plain = json.loads(auditor.get(reverse(PAGE), {"format": "json"}).content)
    assert plain["controller"]["name"] == "=Acme"
    assert plain["activities"][0]["key"] == "news"
    assert sign_in("marketer").get(reverse(PAGE)).status_code == 403


def test_the_safeguards_are_those_that_are_set(settings: Any) -> None:
    settings.PUBLIC_URL, settings.ERASURE_COOLING_HOURS = "http://localhost", 0
    before = set(make_register(now=database_now()).safeguards)
    settings.PUBLIC_URL, settings.ERASURE_COOLING_HOURS = "https://cdp.example.org", 24
    after = set(make_register(now=database_now()).safeguards)
    assert after - before == {
        "All pages and APIs are served over TLS.",
        "Erasures by staff can be stopped for 24 hours.",
    }


def test_the_api_gives_it_to_the_scope_privacy_admin_alone() -> None:
    make_purpose("news")
    url = "/api/v1/privacy/register/"
    answer = make_client("privacy:admin").get(url)
    assert answer.status_code == 200
    assert answer.json()["activities"][0]["key"] == "news"
    assert make_client("privacy:act").get(url).status_code == 403


def test_its_lifetimes_are_those_that_the_store_declares(settings: Any) -> None:
    settings.AUDIT_DAYS = 77
    lifetimes = {each.subject: each.days for each in make_register(now=database_now()).lifetimes}
    assert lifetimes["Who changed what"] == 77
    assert set(lifetimes) == {data.lifetime_title for data in registry if data.lifetime_days}
