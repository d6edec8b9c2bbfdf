"""Versions of the rules: who made each and why, what it changed in words, and the way back."""

from typing import Any

import msgspec
import pytest
from django.urls import reverse
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from profiles.identity.ruleset.changes import changes_between
from profiles.identity.ruleset.document import (
    CapsDocument,
    LimitDocument,
    NamespaceDocument,
    RulesDocument,
)
from profiles.models import IdentityRule, IdentityRulesVersion
from profiles.models.access import Scope
from profiles.services import (
    apply_rules,
    as_plain,
    change_source,
    document_of_store,
    parse_document,
    read_rules,
    run_applications,
    save_identity_rule,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_source, profile_of, send_messages

URL = "/api/v1/identity/rules/versions/"
LIST = reverse("admin:profiles_identityrulesversion_changelist")
TRY = reverse("admin:profiles_rulesapplication_try")


@pytest.fixture
def admin() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


def apply_limit(count: int, reason: str = "fewer addresses") -> None:
    plain = as_plain(document_of_store())
    email = next(rule for rule in plain["namespaces"] if rule["namespace"] == "email")
    email["limit"]["count"] = count
    apply_rules(parse_document(plain), actor=TESTER, reason=reason)
    run_applications()


def versions(admin: APIClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = admin.get(URL).json()["results"]
    return rows


@pytest.mark.django_db
def test_each_version_says_who_made_it_why_and_what_it_changed(admin: APIClient):
    send_messages({"userId": "u1", "traits": {"email": "ada@x.org"}})
    apply_limit(3)
    second, first = versions(admin)
    assert first["actor"] == {"kind": "system", "id": "identity"}
    assert (first["changes"], first["application"]) == ([], None)
    assert second["actor"] == {"kind": "system", "id": TESTER.id}
    assert second["reason"] == "fewer addresses"
    assert second["application"]["state"] == "done"
    sentence = "email: at most 3 values in 365 days, before at most 5 values in 365 days."
    assert second["changes"] == [
        {
            "path": "email.limit",
            "before": {"count": 5, "days": 365},
            "after": {"count": 3, "days": 365},
            "sentence": sentence,
        }
    ]


@pytest.mark.django_db
def test_the_rule_of_one_namespace_and_a_source_that_joins_make_versions(admin: APIClient):
    rule = IdentityRule.objects.get(namespace="phone")
    rule.blocked_values = ["0600000000"]
    save_identity_rule(rule, actor=TESTER, reason="a switchboard")
    save_identity_rule(rule, actor=TESTER)
    source = make_source(key="shop")
    change_source(source, actor=TESTER, joins_people=True)
    change_source(source, actor=TESTER, name="The shop")
    sentences = [change["sentence"] for row in versions(admin) for change in row["changes"]]
    assert sentences == [
        "Claims of shop may join people.",
        "phone: blocked from now on are 0600000000.",
    ]
    assert [row["reason"] for row in versions(admin)] == ["", "a switchboard", ""]


@pytest.mark.django_db
def test_the_file_of_a_former_version_is_the_way_back(admin: APIClient):
    for domain in ("x.org", "y.org"):
        send_messages({"userId": "u1", "traits": {"email": f"ada@{domain}"}})
    rule = IdentityRule.objects.get(namespace="email")
    rule.blocked_values = ["kiosk@*"]
    save_identity_rule(rule, actor=TESTER)
    before = document_of_store()
    number = versions(admin)[0]["number"]
    apply_limit(1)
    assert profile_of("email:ada@y.org") != profile_of("user_id:u1")
    rules = admin.get(f"{URL}{number}/").json()["rules"]
    apply_rules(parse_document(rules), actor=TESTER, reason="back")
    run_applications()
    assert document_of_store() == before
    assert profile_of("email:ada@y.org") == profile_of("user_id:u1")


@pytest.mark.django_db
def test_a_version_older_than_its_file_still_has_what_facts_were_judged_by(admin: APIClient):
    send_messages({"userId": "u1"})
    apply_limit(3)
    IdentityRulesVersion.objects.update(document=None, actor="")
    second, first = versions(admin)
    assert [change["path"] for change in second["changes"]] == ["email.limit"]
    assert (first["actor"], second["actor"]) == (None, None)
    rules = admin.get(f"{URL}{first['number']}/").json()["rules"]
    assert parse_document(rules).document.namespaces == document_of_store_with(rules, count=5)


def document_of_store_with(rules: dict[str, Any], *, count: int) -> list[NamespaceDocument]:
    """Return the rules of the store with the former limit of addresses, as an old version has them.

    Spellings are those of the store, since an old version does not know its own.
    """
    limit = LimitDocument(count, 365)
    return [
        msgspec.structs.replace(
            rule, spelling=None, limit=limit if rule.namespace == "email" else rule.limit
        )
        for rule in document_of_store().namespaces
    ]


@pytest.mark.django_db
def test_staff_see_versions_download_one_and_try_it_again():
    send_messages({"userId": "u1", "traits": {"email": "ada@x.org"}})
    apply_limit(3)
    steward = sign_in("steward")
    page = steward.get(LIST).content.decode()
    assert "fewer addresses" in page
    assert "before at most 5 values in 365 days" in page
    first = IdentityRulesVersion.objects.earliest("pk")
    text = steward.get(
        reverse("admin:profiles_identityrulesversion_download", args=[first.pk])
    ).content
    assert read_rules(text) == first.document
    detail = steward.get(reverse("admin:profiles_identityrulesversion_change", args=[first.pk]))
    assert f"{TRY}?version={first.pk}" in detail.content.decode()
    tried = steward.get(TRY, {"version": first.pk}).context["question"].form["rules"].value()
    assert read_rules(tried) == first.document
    assert [steward.get(TRY, {"version": each}).status_code for each in ("0", "x", "9" * 30)] == [
        404
    ] * 3


@pytest.mark.django_db
def test_the_difference_is_said_in_french():
    before = RulesDocument([NamespaceDocument("email", 2, LimitDocument(5, 365))])
    after = RulesDocument([NamespaceDocument("email", 2, None)], CapsDocument(10, 50))
    with override("fr"):
        sentences = [change.sentence for change in changes_between(before, after)]
    assert sentences == [
        "email : un nombre quelconque de valeurs, avant 5 valeurs au plus en 365 jours.",
        "Plus de 10 personnes en un jour mettent un identifiant en quarantaine, avant 20.",
    ]


NAMESPACES = st.builds(
    NamespaceDocument,
    st.sampled_from(["user_id", "email", "card"]),
    st.integers(0, 3),
    st.none() | st.builds(LimitDocument, st.integers(1, 3), st.none() | st.integers(1, 2)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["none", "lower"]),
    st.lists(st.sampled_from(["a", "b"]), unique=True).map(sorted),
)
DOCUMENTS = st.builds(
    RulesDocument,
    st.lists(NAMESPACES, unique_by=lambda rule: rule.namespace).map(
        lambda rules: sorted(rules, key=lambda rule: rule.namespace)
    ),
    st.builds(CapsDocument, st.integers(1, 2), st.integers(3, 4)),
    st.lists(st.sampled_from(["shop", "site"]), unique=True).map(sorted),
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_changes_name_all_that_differs_and_nothing_else(
    before: RulesDocument, after: RulesDocument
):
    changes = list(changes_between(before, after))
    assert bool(changes) == (before != after)
    assert all(change.before != change.after for change in changes)
    assert all(change.sentence for change in changes)
    plain = {rule["namespace"]: rule for rule in as_plain(before)["namespaces"]}
    whole = {"caps": as_plain(before)["caps"], "joining_sources": before.joining_sources}
    for change in changes:
        name, _, field = change.path.partition(".")
        if name in whole:
            whole[name] = change.after if not field else {**whole[name], field: change.after}
        elif field:
            plain[name] = {**plain[name], field: change.after}
        elif change.after is None:
            del plain[name]
        else:
            plain[name] = change.after
    rules = sorted(plain.values(), key=lambda rule: rule["namespace"])
    assert {"namespaces": rules, **whole} == as_plain(after)
