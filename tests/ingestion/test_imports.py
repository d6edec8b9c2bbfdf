"""Importing files: what becomes of each row."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consent.models import ConsentEvent, ConsentState
from consent.services import NewRequest, act_on_request, open_request
from ingestion.file_rows import cells_of
from ingestion.imports import checkpoints
from ingestion.imports.refused_file import refused_as_csv
from ingestion.models import FileImport, ForbiddenName, ImportPart, InboxRow, RefusedRow
from ingestion.services import (
    FileFault,
    MappingFaults,
    WrongOffset,
    WrongStatus,
    add_part,
    begin_import,
    cancel_import,
    drain_inbox,
    expire_imports,
    finish_import,
    forbid_name,
    start_import,
    try_import,
)
from profiles.lib.checkpoints import handled
from profiles.models import Event, Profile, SeenMessage
from tests.factories import TESTER, make_purpose, make_source, profile_of
from tests.ingestion.files import COLUMNS, ORDERS, PEOPLE, csv_of, ends_of, import_bytes, upload
from tests.store_digest import store_digests

pytestmark = pytest.mark.django_db
ADA = ("Ada@Example.org", "42", "Lyon", "31/12/2025")
BOB = ("bob@example.org", "43", "Orléans", "01/02/2025")


def test_rows_become_people_with_traits_at_the_time_of_the_row() -> None:
    imported = import_bytes(csv_of(COLUMNS, ADA, BOB), PEOPLE)
    assert ends_of(imported) == {"rows": 2, "stored": 2}
    assert (imported.status, imported.finished_at is not None) == ("done", True)
    ada = profile_of("email:ada@example.org")
    assert ada == profile_of("user_id:42")
    assert ada.traits == {"email": "ada@example.org", "city": "Lyon"}
    assert ada.last_seen_at == datetime(2025, 12, 31, tzinfo=UTC)
    assert profile_of("user_id:43").traits["city"] == "Orléans"
    assert not ImportPart.objects.exists()
    assert not InboxRow.objects.exists()


def test_an_address_alone_names_a_person() -> None:
    mapping = {"call": "identify", "columns": {"Mail": "email", "Date": "timestamp"}}
    import_bytes(csv_of(("Mail", "Date"), ("ada@example.org", "2025-01-01")), mapping)
    assert profile_of("email:ada@example.org")


def test_events_have_their_value_and_time() -> None:
    rows = csv_of(("No", "Date", "Montant"), ("42", "05/01/2025", "1.234,50"), delimiter=";")
    import_bytes(rows, ORDERS)
    event = Event.objects.get()
    assert (event.value, event.timestamp.date().isoformat()) == (Decimal("1234.50"), "2025-01-05")


def test_the_same_file_twice_changes_nothing() -> None:
    orders = csv_of(("No", "Date", "Montant"), *[("42", "05/01/2025", "10,00")] * 3)
    for content, mapping in ((csv_of(COLUMNS, ADA, BOB), PEOPLE), (orders, ORDERS)):
        first = import_bytes(content, mapping)
        before = store_digests()
        second = import_bytes(content, mapping, name="other.csv")
        assert ends_of(first) == {"rows": first.rows, "stored": first.rows}
        assert ends_of(second) == {"rows": first.rows, "unchanged": first.rows}
        assert store_digests() == before
    assert Event.objects.count() == 3


def test_the_same_row_in_another_encoding_order_and_format_is_the_same_row() -> None:
    import_bytes(csv_of(COLUMNS, BOB), PEOPLE)
    turned = csv_of(COLUMNS[::-1], BOB[::-1], delimiter="\t", encoding="utf-16")
    lines = json.dumps(dict(zip(COLUMNS, BOB, strict=True))).encode()
    for content in (turned, lines):
        assert ends_of(import_bytes(content, PEOPLE)) == {"rows": 1, "unchanged": 1}


def test_a_person_is_described_anew_by_another_mapping_and_an_event_is_not_doubled() -> None:
    import_bytes(csv_of(COLUMNS, ADA), PEOPLE)
    other = {**PEOPLE, "columns": {**PEOPLE["columns"], "Ville": "traits.town"}}
    assert ends_of(import_bytes(csv_of(COLUMNS, ADA), other)) == {"rows": 1, "stored": 1}
    assert profile_of("user_id:42").traits["town"] == "Lyon"
    orders = csv_of(("No", "Date", "Montant"), ("42", "05/01/2025", "10,00"))
    import_bytes(orders, ORDERS)
    total = {**ORDERS, "columns": {**ORDERS["columns"], "Montant": "properties.total"}}
    assert ends_of(import_bytes(orders, total)) == {"rows": 1, "unchanged": 1}


def test_bad_rows_are_refused_with_column_and_reason_and_can_be_mended() -> None:
    bad = [
        ("not an address", "1", "Lyon", "01/01/2025"),
        ("c@example.org", "2", "Lyon", "13/13/2025"),
        ("", "", "Lyon", "01/01/2025"),
        ("d@example.org", "4", "Lyon", ""),
        ("only one cell",),
    ]
    imported = import_bytes(csv_of(COLUMNS, ADA, *bad), PEOPLE)
    assert ends_of(imported) == {"rows": 6, "stored": 1, "refused": 5}
    reasons = RefusedRow.objects.values_list("number", "code", "column")
    assert list(reasons) == [
        (3, "invalid_identifier", "Mail"),
        (4, "invalid_time", "Date"),
        (5, "missing_identity", ""),
        (6, "missing_timestamp", "Date"),
        (7, "wrong_number_of_cells", ""),
    ]
    assert cells_of(RefusedRow.objects.get(number=4))["Date"] == "13/13/2025"
    refused = "".join(refused_as_csv(imported))
    mended = refused.replace("not an address", "a@example.org").replace("13/13/2025", "13/12/2025")
    again = import_bytes(mended.encode(), PEOPLE, name="mended.csv")
    assert ends_of(again) == {"rows": 5, "stored": 2, "refused": 3}


def test_a_cell_that_a_spreadsheet_would_compute_is_neutralised() -> None:
    imported = import_bytes(csv_of(COLUMNS, ("=cmd()", "+33 6", "-5", "@x")), PEOPLE)
    line = "".join(refused_as_csv(imported)).splitlines()[1]
    assert line.startswith("'=cmd(),+33 6,-5,'@x,")
    named = {**PEOPLE, "columns": {"Mail": "email", "=cmd()": "timestamp"}, "formats": {}}
    columns = import_bytes(csv_of(("Mail", "=cmd()"), ("a@example.org", "never")), named)
    header, row, *_ = "".join(refused_as_csv(columns)).splitlines()
    assert header.startswith("\ufeffMail,'=cmd(),")
    assert ",invalid_time,'=cmd()," in row


def test_imported_consents_permit_only_with_evidence() -> None:
    make_purpose()
    columns = ("Mail", "Date", "Etat", "Texte")
    rows = csv_of(
        columns,
        ("a@example.org", "2025-05-01T10:00:00Z", "given", "I agree to the newsletter"),
        ("b@example.org", "2025-05-01T10:00:00Z", "yes", ""),
        ("c@example.org", "2025-05-01T10:00:00Z", "withdrawn", ""),
        ("d@example.org", "2999-05-01T10:00:00Z", "given", "words"),
        ("e@example.org", "2025-05-01T10:00:00Z", "perhaps", "words"),
    )
    mapping = {
        "call": "consent",
        "purpose": "newsletter",
        "columns": {
            "Mail": "email",
            "Date": "timestamp",
            "Etat": "state",
            "Texte": "evidence.text",
        },
    }
    imported = import_bytes(rows, mapping, name="consents.csv")
    assert ends_of(imported) == {"rows": 5, "stored": 3, "refused": 2}
    assert list(RefusedRow.objects.values_list("code", "column")) == [
        ("in_the_future", "Date"),
        ("invalid_value", "Etat"),
    ]
    states = {
        letter: ConsentState.objects.get(profile=profile_of(f"email:{letter}@example.org")).state
        for letter in "abc"
    }
    assert states == {"a": "given", "b": "unknown", "c": "withdrawn"}
    event = ConsentEvent.objects.get(state="given")
    assert (event.method, event.actor, event.trust) == ("import", "import", 2)
    assert event.occurred_at == datetime(2025, 5, 1, 10, tzinfo=UTC)
    assert event.body.evidence == {
        "file": "consents.csv",
        "row": 2,
        "text": "I agree to the newsletter",
    }
    assert ends_of(import_bytes(rows, mapping))["unchanged"] == 3


def test_one_list_permits_one_purpose_and_refuses_another_and_is_taken_back() -> None:
    make_purpose()
    make_purpose("partners")
    rows = csv_of(("Mail", "Date"), ("a@example.org", "2025-05-01T10:00:00Z"))
    named: dict[str, Any] = {"call": "consent", "evidence": {"text": "I agree"}}
    named["columns"] = {"Mail": "email", "Date": "timestamp"}
    facts = [("newsletter", "given"), ("partners", "refused"), ("newsletter", "withdrawn")]
    for purpose, state in facts:
        mapping = {**named, "purpose": purpose, "state": state}
        assert ends_of(import_bytes(rows, mapping)) == {"rows": 1, "stored": 1}
        assert ends_of(import_bytes(rows, mapping)) == {"rows": 1, "unchanged": 1}
    states = ConsentState.objects.values_list("purpose__key", "state")
    assert dict(states) == {"newsletter": "withdrawn", "partners": "refused"}


def test_a_person_and_their_consent_come_in_one_row() -> None:
    make_purpose()
    mapping = {
        "call": "identify",
        "as_of": "2025-06-01",
        "columns": {"Mail": "email", "OptIn": "consents.newsletter"},
        "evidence": {"text": "Keep me informed"},
    }
    rows = csv_of(("Mail", "OptIn"), ("a@example.org", "oui"), ("b@example.org", "non"))
    assert ends_of(import_bytes(rows, mapping)) == {"rows": 2, "stored": 2}
    for letter, state in (("a", "given"), ("b", "withdrawn")):
        profile = profile_of(f"email:{letter}@example.org")
        assert ConsentState.objects.get(profile=profile).state == state


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"call": "page"}, "call"),
        ({"columns": {}}, "columns"),
        ({"columns": {"Mail": "e-mail", "Date": "timestamp"}}, "columns.Mail"),
        ({"columns": {"Mail": "traits.email", "Date": "timestamp"}}, "columns"),
        ({"columns": {"Mail": "email"}, "formats": {}}, "columns"),
        ({"columns": {"Mail": "email", "Other": "timestamp"}, "formats": {}}, "columns.Other"),
        ({"columns": {"Mail": "email", "Date": "properties.x"}}, "columns.Date"),
        ({"formats": {"Date": "31/12"}}, "formats.Date"),
        ({"formats": {"Ville": "text", "Nobody": "text"}}, "formats.Nobody"),
        ({"purpose": "unknown", "call": "consent", "state": "given"}, "columns.Ville"),
        ({"timezone": "Mars"}, "timezone"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"else": 1}, "else"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_path(change: dict[str, Any], path: str) -> None:
    uploaded = upload(csv_of(COLUMNS, ADA))
    with pytest.raises(MappingFaults) as refusal:
        start_import(uploaded, PEOPLE | change, actor=TESTER)
    assert path in [fault.path for fault in refusal.value.faults]
    uploaded.refresh_from_db()
    assert uploaded.status == "uploaded"


def test_a_dry_run_says_what_would_happen_and_writes_nothing() -> None:
    import_bytes(csv_of(COLUMNS, ADA, BOB), PEOPLE)
    joined = ("ada@example.org", "43", "Lyon", "01/01/2026")
    bad = ("nobody", "9", "Lyon", "01/01/2026")
    uploaded = upload(
        csv_of(COLUMNS, ADA, joined, bad, ("new@example.org", "50", "Nice", "01/01/2026"))
    )
    before = store_digests()
    report = try_import(uploaded, PEOPLE)
    assert store_digests() == before
    assert (report.rows, report.stored, report.unchanged, report.refused) == (4, 2, 1, 1)
    assert (report.known, report.new, report.merging) == (1, 1, 1)
    assert [(each.number, each.column) for each in report.first_refused] == [(4, "Mail")]
    assert not InboxRow.objects.exists()
    done = import_bytes(csv_of(COLUMNS, ADA, joined, bad), PEOPLE)
    assert ends_of(done) == {"rows": 3, "stored": 1, "unchanged": 1, "refused": 1}


def test_a_dry_run_counts_the_cells_that_stand_under_forbidden_names() -> None:
    uploaded = upload(csv_of(COLUMNS, ADA, BOB, ("nobody", "9", "Lyon", "01/01/2026")))
    assert try_import(uploaded, PEOPLE).forbidden == 0
    forbid_name(ForbiddenName(name="city"), actor=TESTER)
    report = try_import(uploaded, PEOPLE)
    # A row that is refused takes nothing that could be left out.
    assert (report.stored, report.refused, report.forbidden) == (2, 1, 2)
    done = import_bytes(csv_of(COLUMNS, ADA, BOB), PEOPLE)
    assert ends_of(done)["stored"] == 2
    assert not Profile.objects.filter(traits__has_key="city").exists()


def test_an_upload_goes_on_where_it_was_and_takes_no_other_bytes() -> None:
    content = csv_of(COLUMNS, ADA, BOB)
    begun = begin_import(make_source(), "people.csv", len(content), actor=TESTER)
    add_part(begun, 0, content[:10], actor=TESTER)
    with pytest.raises(WrongOffset) as wrong:
        add_part(begun, 0, content[:10], actor=TESTER)
    assert wrong.value.received == 10
    with pytest.raises(FileFault):
        add_part(begun, 10, content, actor=TESTER)
    whole = add_part(begun, 10, content[10:], actor=TESTER)
    assert whole.status == "uploaded"
    with pytest.raises(WrongStatus):
        add_part(begun, len(content), b"", actor=TESTER)


def test_a_cancelled_import_keeps_nothing_of_the_file() -> None:
    started = start_import(upload(csv_of(COLUMNS, ADA)), PEOPLE, actor=TESTER)
    cancel_import(started, actor=TESTER)
    finish_import(started, drain_inbox)
    assert (started.status, ImportPart.objects.count()) == ("cancelled", 0)
    assert not Profile.objects.exists()
    with pytest.raises(WrongStatus):
        cancel_import(started, actor=TESTER)


def test_old_files_and_refused_rows_expire() -> None:
    imported = import_bytes(csv_of(COLUMNS, ("nobody", "1", "", "01/01/2025")), PEOPLE)
    waiting = upload(csv_of(COLUMNS, ADA))
    assert expire_imports() == 0
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    FileImport.objects.filter(pk=imported.pk).update(finished_at=long_ago)
    FileImport.objects.filter(pk=waiting.pk).update(created_at=long_ago)
    expire_imports()
    assert not FileImport.objects.exists()
    assert not RefusedRow.objects.exists()


def test_a_file_that_breaks_off_fails_with_a_reason_and_keeps_its_counts() -> None:
    # Longer than what is looked into before the import is started.
    lines = [(f"p{n}@example.org", str(n), "Lyon", "01/01/2025", "x" * 900) for n in range(2500)]
    packed = gzip.compress(csv_of((*COLUMNS, "Note"), *lines))
    started = start_import(upload(packed[:-9], name="people.csv.gz"), PEOPLE, actor=TESTER)
    finish_import(started, drain_inbox)
    assert started.status == "failed"
    assert "damaged" in started.fault
    assert started.rows == started.ended
    assert not ImportPart.objects.exists()


def test_a_reader_that_breaks_on_a_row_gives_the_file_up_and_says_so() -> None:
    def break_off(_: object) -> None:
        raise ArithmeticError("ada@example.org")

    started = start_import(upload(csv_of(COLUMNS, ADA)), PEOPLE, actor=TESTER)
    with handled(checkpoints.CHUNK_MADE, break_off):
        finish_import(started, drain_inbox)
    assert started.status == "failed"
    assert "ArithmeticError" in started.fault
    assert "ada@example.org" not in started.fault
    assert not ImportPart.objects.exists()


def test_the_command_reports_each_row_and_ends_with_counts_that_add_up(tmp_path: Path) -> None:
    make_source(key="crm")
    file, mapping, report = (tmp_path / name for name in ("p.csv", "m.json", "r.jsonl"))
    file.write_bytes(csv_of(COLUMNS, ADA, ("nobody", "1", "", "01/01/2025")))
    mapping.write_text(json.dumps(PEOPLE))
    arguments = [str(file), "--source", "crm", "--mapping", str(mapping), "--report", str(report)]
    call_command("import_file", *arguments, "--dry-run", stdout=StringIO())
    assert not SeenMessage.objects.exists()
    assert not FileImport.objects.exists()
    out = StringIO()
    call_command("import_file", *arguments, stdout=out)
    *refused, counts = map(json.loads, report.read_text().splitlines())
    assert counts == {"rows": 2, "stored": 1, "unchanged": 0, "refused": 1, "dropped": 0}
    assert counts == json.loads(out.getvalue().splitlines()[-1])
    assert [(row["row"], row["column"]) for row in refused] == [(3, "Mail")]
    mapping.write_text("{}")
    with pytest.raises(CommandError, match="columns"):
        call_command("import_file", *arguments, "--dry-run", stdout=StringIO())
    assert FileImport.objects.get().status == "done"
    with pytest.raises(CommandError, match="columns"):
        call_command("import_file", *arguments, stdout=StringIO())


def erase(reference: str) -> None:
    wanted = NewRequest(kind="erasure", references=(reference,))
    request = open_request(wanted, door="staff", actor=TESTER)
    act_on_request(request.pk, actor=TESTER)


def test_rows_of_an_erased_person_are_dropped_and_their_refused_rows_are_erased() -> None:
    bad = ("not an address", "42", "Lyon", "01/01/2025")
    import_bytes(csv_of(COLUMNS, ADA, bad), PEOPLE)
    waiting = upload(csv_of(COLUMNS, ADA), name="waiting.csv")
    other = upload(csv_of(COLUMNS, BOB), name="other.csv")
    erase("user_id:42")
    assert not RefusedRow.objects.exists()
    assert list(ImportPart.objects.values_list("file_import", flat=True)) == [other.pk]
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    newer = ("ada@example.org", "42", "Paris", "02/01/2026")
    again = import_bytes(csv_of(COLUMNS, ("x", "42", "", "01/01/2025"), newer, BOB), PEOPLE)
    assert ends_of(again) == {"rows": 3, "stored": 1, "refused": 1, "dropped": 1}
    assert cells_of(RefusedRow.objects.get()) == {}
