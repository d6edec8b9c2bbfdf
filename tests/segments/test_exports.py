"""Exports of members: who is in the file, who is not and why, and what no spreadsheet runs."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.models import ConsentState, Purpose
from consent.services import may_process
from profiles.admin.kit.masks import Mask
from profiles.models import Account, AccountMember, AuditEntry, Identifier, Profile, TraitDefinition
from profiles.models.access import Scope
from segments.exports.batches import Wanted, read_batches
from segments.exports.columns import column_choices, read_columns
from segments.exports.people import Closed, MembersOf
from segments.models import MemberExport, Segment
from tests.factories import NOW, make_client, make_purpose
from tests.segments.exporting import body_of, lines_of, make_people, make_segment, permit


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("newsletter")


@pytest.mark.django_db
def test_an_export_has_those_who_permit_and_says_who_was_left_out_and_why(
    purpose: Purpose,
) -> None:
    kept, objected, withdrew, expired, outdated, restricted, asked = make_people(7, purpose)
    permit(objected, purpose, is_objected=True)
    permit(withdrew, purpose, state="withdrawn")
    permit(expired, purpose, valid_until=timezone.now() - timedelta(days=1))
    permit(outdated, purpose, version=0)
    ConsentState.objects.filter(profile_id=asked.pk).delete()
    make_segment(purpose)
    Profile.objects.filter(pk=restricted.pk).update(is_restricted=True)
    client = make_client()
    response = client.get("/api/v1/segments/all/export/")
    assert [row["id"] for row in lines_of(response)] == [str(kept.uuid)]
    export = client.get(f"/api/v1/exports/{response['Tessera-Export']}/").json()
    assert export["left_out"] == {
        "objected": 1,
        "refused": 1,
        "expired": 1,
        "outdated": 1,
        "restricted": 1,
        "never_given": 1,
    }
    assert (export["state"], export["members"], export["read"], export["written"]) == (
        "done",
        7,
        7,
        1,
    )
    listed = client.get("/api/v1/exports/", {"segment": "all", "state": "done"}).json()["results"]
    assert [row["id"] for row in listed] == [export["id"]]
    entry = AuditEntry.objects.get(verb="segment.exported")
    assert entry.changes["purpose"] == [None, "newsletter"]
    assert "example.org" not in str(entry.changes)


@pytest.mark.django_db
def test_members_can_be_told_by_their_accounts(purpose: Purpose) -> None:
    (ada,) = make_people(1, purpose)
    make_segment(purpose)
    identifier = Identifier.objects.filter(profile=ada).earliest("pk")
    for key, is_vouched, at in (("acme", True, 1), ("works", True, 2), ("claimed", False, 3)):
        account = Account.objects.create(key=key, is_vouched=True)
        AccountMember.objects.create(
            profile=ada,
            account=account,
            identifier=identifier,
            is_vouched=is_vouched,
            first_at=NOW + timedelta(hours=at),
        )
    query = {"format": "jsonl", "columns": "id,accounts"}
    lines = lines_of(make_client().get("/api/v1/segments/all/export/", query))
    assert [line["accounts"] for line in lines] == [["acme", "works"]]


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_every_format_has_the_columns_that_were_chosen(
    file_format: str, purpose: Purpose, tmp_path: Any
) -> None:
    for key, kind in (
        ("city", "text"),
        ("score", "number"),
        ("tags", "list"),
        ("is_vip", "boolean"),
    ):
        TraitDefinition.objects.create(key=key, type=kind)
    (profile,) = make_people(1, purpose, score=2.5, tags=["a", "b"], is_vip=True)
    make_segment(purpose)
    names = ["id", "trait.city", "trait.score", "trait.tags", "trait.is_vip", "identifier.email"]
    response = make_client().get(
        "/api/v1/segments/all/export/", {"format": file_format, "columns": ",".join(names)}
    )
    body = body_of(response)
    assert 'filename="all-' in response["Content-Disposition"]
    email = "export0@example.org"
    if file_format == "csv":
        header, row = csv.reader(io.StringIO(body.decode()))
        assert header == names
        assert row == [str(profile.uuid), "Lyon", "2.5", "a, b", "true", email]
    elif file_format == "jsonl":
        assert list(json.loads(body).values()) == [
            str(profile.uuid),
            "Lyon",
            2.5,
            ["a", "b"],
            True,
            [email],
        ]
    else:
        file = tmp_path / "file.parquet"
        file.write_bytes(body)
        relation = duckdb.read_parquet(str(file))
        assert relation.columns == names
        assert relation.fetchall() == [
            (str(profile.uuid), "Lyon", 2.5, '["a","b"]', True, f'["{email}"]')
        ]


@pytest.mark.django_db
@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_segment_of_nobody_is_a_file_without_rows(file_format: str, purpose: Purpose) -> None:
    make_segment(purpose)
    body = body_of(make_client().get("/api/v1/segments/all/export/", {"format": file_format}))
    assert body.startswith({"csv": b'"id"', "jsonl": b"", "parquet": b"PAR1"}[file_format])


@pytest.mark.django_db
def test_who_withdraws_while_the_file_is_written_is_not_in_it(purpose: Purpose) -> None:
    profiles = make_people(6, purpose)
    segment = make_segment(purpose)
    columns = read_columns(["id"], column_choices())
    batches = read_batches(Wanted(MembersOf(segment), purpose, columns, Mask(is_open=True)), size=2)
    written = [row[0] for row in next(batches).rows]
    permit(profiles[3], purpose, state="withdrawn")
    permit(profiles[0], purpose, state="withdrawn")
    later = list(batches)
    written += [row[0] for batch in later for row in batch.rows]
    # Only who had been read before is there.
    assert written == [str(p.uuid) for place, p in enumerate(profiles) if place != 3]
    assert sum((batch.left_out for batch in later), start=later[0].left_out.__class__()) == {
        "refused": 1
    }


@pytest.mark.django_db
def test_an_export_ends_where_its_segment_is_set_apart(purpose: Purpose) -> None:
    make_people(4, purpose)
    segment = make_segment(purpose)
    columns = read_columns(["id"], column_choices())
    batches = read_batches(Wanted(MembersOf(segment), purpose, columns, Mask(is_open=True)), size=2)
    next(batches)
    Segment.objects.filter(pk=segment.pk).update(failed_at=timezone.now(), failure="timeout")
    with pytest.raises(Closed):
        next(batches)


STATES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(
            ["given", "renewed", "refused", "withdrawn", "invalidated", "requested", "unknown"]
        ),
        "version": st.integers(0, 2),
        "is_objected": st.booleans(),
        "valid_until": st.sampled_from([None, -1, 1]).map(
            lambda days: days and timezone.now() + timedelta(days=days)
        ),
    }
)


@pytest.mark.django_db
@settings(deadline=None)
@given(
    states=st.lists(STATES, min_size=1, max_size=5),
    basis=st.sampled_from(["consent", "contract", "legitimate_interest"]),
)
def test_the_file_has_exactly_those_for_whom_the_gate_is_open(
    states: list[dict[str, Any]], basis: str
) -> None:
    with transaction.atomic():
        purpose = make_purpose("gated", legal_basis=basis)
        profiles = make_people(len(states), purpose)
        for profile, state in zip(profiles, states, strict=True):
            permit(profile, purpose, **state)
        segment = make_segment(purpose)
        columns = read_columns(["id"], column_choices())
        (batch,) = read_batches(Wanted(MembersOf(segment), purpose, columns, Mask(is_open=True)))
        now = timezone.now()
        expected = [str(p.uuid) for p in profiles if may_process(p.pk, purpose.key, at=now)]
        assert [row[0] for row in batch.rows] == expected
        assert batch.left_out.total() == len(profiles) - len(expected)
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "status", "path"),
    [
        ({"format": "xls"}, 400, "format"),
        ({"columns": "id,age"}, 400, "columns"),
        ({"purpose": "nothing"}, 400, "purpose"),
        ({"colums": "id"}, 400, "colums"),
    ],
)
def test_what_an_export_cannot_do_is_refused_by_name(
    query: dict[str, str], status: int, path: str, purpose: Purpose
) -> None:
    make_segment(purpose)
    response = make_client().get("/api/v1/segments/all/export/", query)
    assert response.status_code == status
    assert response.json()["errors"][0]["path"] == path
    assert not MemberExport.objects.exists()


@pytest.mark.django_db
def test_an_internal_segment_leaves_only_for_a_purpose_that_is_named(purpose: Purpose) -> None:
    make_people(1, purpose)
    make_segment(None)
    client = make_client()
    refused = client.get("/api/v1/segments/all/export/")
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["path"] == "purpose"
    assert len(lines_of(client.get("/api/v1/segments/all/export/", {"purpose": "newsletter"}))) == 1


@pytest.mark.django_db
def test_a_key_that_may_not_read_people_gets_ids_and_nothing_else(purpose: Purpose) -> None:
    make_people(1, purpose)
    make_segment(purpose)
    client = make_client(Scope.SEGMENTS_READ)
    assert list(lines_of(client.get("/api/v1/segments/all/export/"))[0]) == ["id", "entered_at"]
    for column in ("orders", "last_seen_at", "identifier.email"):
        refused = client.get("/api/v1/segments/all/export/", {"columns": column})
        assert refused.status_code == 403


@pytest.mark.django_db
def test_a_key_that_may_not_read_people_counts_none_by_what_is_hidden(purpose: Purpose) -> None:
    make_people(2, purpose)
    make_segment(purpose)
    full, blind = make_client(), make_client(Scope.SEGMENTS_READ)
    body_of(full.get("/api/v1/segments/all/export/"))
    [row] = blind.get("/api/v1/exports/").json()["results"]
    contact = {"type": "trait", "key": "email", "operator": "exists"}
    Segment.objects.update(definition=contact)
    assert blind.get("/api/v1/exports/").json()["results"] == []
    assert blind.get(f"/api/v1/exports/{row['id']}/").status_code == 404
    assert full.get(f"/api/v1/exports/{row['id']}/").json()["written"] == 2


@pytest.mark.django_db
def test_columns_that_differ_in_case_alone_are_told_apart_in_parquet(
    purpose: Purpose, tmp_path: Path
) -> None:
    for key in ("city", "City"):
        TraitDefinition.objects.create(key=key, type="text")
    make_people(1, purpose, City="Paris")
    make_segment(purpose)
    query = {"format": "parquet", "columns": "trait.city,trait.City"}
    path = tmp_path / "members.parquet"
    path.write_bytes(body_of(make_client().get("/api/v1/segments/all/export/", query)))
    table = duckdb.read_parquet(str(path))
    assert (table.columns, table.fetchall()) == (
        ["trait.city", "trait.City_2"],
        [("Lyon", "Paris")],
    )
