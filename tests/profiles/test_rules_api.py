"""The rules as a document: exported, imported, tried and applied by API and command."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from profiles.models import IdentityRule, Profile, RulesApplication
from profiles.models.access import Scope
from profiles.services import (
    document_of_store,
    parse_document,
    read_rules,
    run_applications,
    write_document,
)
from tests.factories import make_client, make_source, profile_of, send_messages

pytestmark = pytest.mark.django_db
URL = "/api/v1/identity/rules/"


@pytest.fixture
def admin() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


@pytest.fixture
def ada() -> Profile:
    for domain in ("x.org", "y.org", "z.org"):
        send_messages({"userId": "u1", "traits": {"email": f"ada@{domain}"}})
    return profile_of("user_id:u1")


def rules_with(admin: APIClient, namespace: str, **changes: Any) -> dict[str, Any]:
    rules: dict[str, Any] = admin.get(URL).json()
    next(rule for rule in rules["namespaces"] if rule["namespace"] == namespace).update(changes)
    return rules


def test_a_plan_says_who_is_parted_and_writes_nothing(admin: APIClient, ada: Profile):
    rules = rules_with(admin, "email", limit={"count": 1, "days": None})
    sweep = {"path": "email.limit.count", "values": [1, 2, 3]}
    plan = admin.post(f"{URL}plan/", {"rules": rules, "sweep": sweep}, format="json").json()
    assert plan["exact"]
    assert plan["profiles"] == {"before": 1, "after": 3}
    assert plan["table"]["parted"] == {"before": 1, "after": 3}
    assert plan["interval"] == [1, 1]
    assert plan["largest"][0] == {"identifiers": 2, "profiles": [str(ada.uuid)]}
    assert [(row["value"], row["profiles"]) for row in plan["sweep"]] == [(1, 3), (2, 2), (3, 1)]
    assert Profile.objects.count() == 1
    assert IdentityRule.objects.get(namespace="email").limit_count == 5


def test_rules_are_applied_paused_and_resumed(admin: APIClient, ada: Profile):
    rules = rules_with(admin, "email", limit={"count": 1, "days": None})
    body = {"rules": rules, "reason": "one address each"}
    answer = admin.post(f"{URL}apply/", body, format="json")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert admin.get(URL).json() == rules | {"joining_sources": []}
    address = f"{URL}applications/{answer.json()['id']}/"
    assert admin.post(f"{address}pause/").json()["state"] == "paused"
    run_applications()
    assert Profile.objects.count() == 1
    assert admin.post(f"{address}resume/").json()["state"] == "running"
    run_applications()
    assert (admin.get(address).json()["state"], admin.get(address).json()["progress"]) == (
        "done",
        1,
    )
    assert Profile.objects.count() == 3
    assert admin.post(f"{address}pause/").status_code == 409
    assert not RulesApplication.objects.exclude(state="done").exists()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"caps": {"daily": 0, "total": 5}}, "rules.caps.daily"),
        ({"cap": {}}, "rules"),
        ({"joining_sources": ["nobody"]}, "rules.joining_sources[0]"),
        ({"namespaces": [{"namespace": "email", "limit": None}]}, "rules.namespaces[0]"),
        (
            {"namespaces": [{"namespace": "profile", "priority": 1, "limit": None}]},
            "rules.namespaces[0].namespace",
        ),
        (
            {"namespaces": [{"namespace": "card", "priority": 1, "limit": None}] * 2},
            "rules.namespaces[1].namespace",
        ),
        (
            {
                "namespaces": [
                    {"namespace": "card", "priority": 1, "limit": None, "blocked_values": ["*"]}
                ]
            },
            "rules.namespaces[0].blocked_values",
        ),
        (
            {
                "namespaces": [
                    {"namespace": "email", "priority": 1, "limit": None, "spelling": "none"}
                ]
            },
            "rules.namespaces[0].spelling",
        ),
    ],
)
def test_a_fault_has_its_path(admin: APIClient, changes: dict[str, Any], path: str):
    body = {"rules": admin.get(URL).json() | changes}
    answer = admin.post(f"{URL}plan/", body, format="json")
    assert answer.status_code == 400
    assert [fault["path"] for fault in answer.json()["errors"]] == [path]


def test_an_unknown_number_to_vary_is_refused(admin: APIClient):
    sweep = {"path": "email.colour", "values": [1]}
    body = {"rules": admin.get(URL).json(), "sweep": sweep}
    answer = admin.post(f"{URL}plan/", body, format="json")
    assert answer.json()["errors"][0]["path"] == "sweep"


def test_what_is_exported_is_imported_unchanged():
    make_source(key="kiosk", joins_people=True)
    document = document_of_store()
    assert parse_document(read_rules(write_document(document))).document == document
    assert document.joining_sources == ["kiosk"]


def test_the_command_judges_all_facts_and_prints_the_table(ada: Profile, tmp_path: Path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        write_document(document_of_store()).replace("count: 5\n    days: 365", "count: 1")
    )
    output = StringIO()
    call_command(
        "try_identity_rules",
        str(path),
        sweep="email.limit.count",
        values="1,3",
        stdout=output,
        stderr=StringIO(),
    )
    lines = output.getvalue().splitlines()
    assert lines[0] == "people: 1 now, 3 then"
    assert "  parted: 1 now, 3 then" in lines
    assert lines[-2:] == [
        "email.limit.count = 1: 3 people, 1 change",
        "email.limit.count = 3: 1 people, 0 change",
    ]
    output = StringIO()
    call_command("try_identity_rules", str(path), json=True, stdout=output)
    assert json.loads(output.getvalue())["table"]["parted"] == [1, 3]
    assert Profile.objects.count() == 1
    path.write_text("namespaces: [")
    with pytest.raises(CommandError, match="neither JSON nor YAML in line 1"):
        call_command("try_identity_rules", str(path))
