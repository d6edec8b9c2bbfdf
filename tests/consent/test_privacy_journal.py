"""The privacy journal: a restored backup forgets nothing that people asked for since."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import Max
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from config.http.restored import is_open
from config.ownership import as_owner
from consent.journal.file import JournalFile
from consent.lib import checkpoints
from consent.models import ConsentEvent, JournalEntry, PrivacyRequest
from consent.services import (
    act_on_requests,
    awaits_replay,
    give_to_journal,
    journal_fault,
    replay_journal,
    verify_states,
)
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from ingestion.tasks import drain_inbox as drain_task
from profiles.lib.checkpoints import handled
from profiles.models import Identifier
from tests.factories import (
    TESTER,
    make_client,
    make_purpose,
    make_write_key,
    profile_of,
    send_messages,
)
from tests.random_ids import without_ids
from tests.tries import tries


@pytest.fixture
def journal(tmp_path: Path, settings: Any) -> JournalFile:
    settings.PRIVACY_JOURNAL = str(tmp_path / "safe" / "journal.jsonl")
    return JournalFile(Path(settings.PRIVACY_JOURNAL))


class Backup:
    """A copy of the database, which takes its place again."""

    def __init__(self) -> None:
        self.name = connection.settings_dict["NAME"]
        self.copy = f"{self.name}_backup"
        self._copy(self.name, self.copy)

    def restore(self) -> None:
        self._copy(self.copy, self.name)

    def drop(self) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.copy)

    def _copy(self, origin: str, target: str) -> None:
        connections.close_all()
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", target)
        self._execute("CREATE DATABASE {} TEMPLATE {}", target, origin)

    def _execute(self, statement: str, *names: str) -> None:
        named = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        with as_owner(), connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute(named)


@pytest.fixture
def people(committing_db: str, journal: JournalFile) -> None:
    """Four customers who permit the newsletter."""
    make_purpose()
    service = make_client()
    for name in ("ada", "bob", "cy", "dee"):
        email = f"{name}@example.org"
        send_messages({"userId": name, "traits": {"email": email, "city": "Lyon"}})
        body = {"purpose": "newsletter", "state": "given", "method": "checkbox"}
        answered = service.post(
            "/api/v1/consents/", {"identifier": f"user_id:{name}", **body}, format="json"
        )
        assert answered.status_code == 201


@pytest.fixture
def backup(people: None) -> Iterator[Backup]:
    made = Backup()
    yield made
    made.drop()


def ask(kind: str, name: str) -> None:
    body = {"kind": kind, "identifiers": [f"user_id:{name}"], "reason": "asked"}
    answered = make_client().post("/api/v1/privacy/requests/", body, format="json")
    assert answered.status_code == 201, answered.json()
    act_on_requests()


def withdraw(name: str) -> None:
    body = {"purpose": "newsletter", "state": "withdrawn", "method": "button"}
    answered = make_client().post(
        "/api/v1/consents/", {"identifier": f"user_id:{name}", **body}, format="json"
    )
    assert answered.status_code == 201


def permits(name: str) -> bool:
    answered = make_client().post(
        "/api/v1/consents/state/", {"identifiers": [f"user_id:{name}"]}, format="json"
    )
    return bool(answered.json()["results"][0]["newsletter"]["permitted"])


def wishes() -> None:
    ask("erasure", "ada")
    withdraw("bob")
    ask("restriction", "cy")


def test_after_a_restored_backup_the_replay_does_again_what_people_asked_for(
    backup: Backup, journal: JournalFile
) -> None:
    wishes()
    assert [line["act"] for line in journal.after(0)] == ["erasure", "consent", "restriction"]
    assert "ada" not in without_ids(journal.path.read_text())
    backup.restore()
    assert Identifier.objects.filter(value="ada").exists()
    assert journal_fault() == "restored_backup"
    assert replay_journal(actor=TESTER) == {"erasure": 1, "consent": 1, "restriction": 1}
    act_on_requests()
    assert journal_fault() is None
    assert not Identifier.objects.filter(value__startswith="ada").exists()
    send_messages({"userId": "ada", "traits": {"city": "Paris"}})
    assert not Identifier.objects.filter(value="ada").exists()
    assert not permits("bob")
    assert permits("dee")
    assert profile_of("user_id:cy").is_restricted
    assert not verify_states()
    # Run again it finds nothing to do, and what comes after is journaled as ever.
    before = (ConsentEvent.objects.count(), PrivacyRequest.objects.count())
    call_command("privacy_replay")
    assert (ConsentEvent.objects.count(), PrivacyRequest.objects.count()) == before
    withdraw("dee")
    assert journal.last_seq() == 4
    assert journal_fault() is None


def test_before_the_replay_nothing_is_shown_or_sent_and_messages_are_still_accepted(
    backup: Backup, journal: JournalFile
) -> None:
    key = make_write_key()
    service = make_client()
    backup.drop()
    backup.__init__()  # type: ignore[misc]  # with the keys in it
    wishes()
    backup.restore()
    for path in ("/api/v1/profiles/", "/api/v1/segments/", "/admin/", "/privacy/"):
        answered = service.get(path)
        assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5"), path
    assert service.get("/api/v1/profiles/").json()["errors"][0]["code"] == "restored_backup"
    ready = Client().get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["privacy_journal_fault"] == "restored_backup"
    accepted = Client().post(
        "/v1/identify",
        {"userId": "ada", "writeKey": key},
        content_type="application/json",
    )
    assert accepted.status_code == 200
    # Neither by a task nor by a command.
    drain_inbox()
    drain_task()
    assert InboxRow.objects.count() == 1
    # Who asks now is served, and the journal has it once the others are replayed.
    withdraw("dee")
    assert give_to_journal() == 0
    call_command("privacy_replay")
    assert give_to_journal() == 1
    assert service.get("/api/v1/profiles/").status_code == 200
    drain_inbox()
    assert not InboxRow.objects.exists()
    assert not Identifier.objects.filter(value="ada").exists()


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_replay_that_fails_at_any_line_ends_like_one_that_did_not(
    seq: int, backup: Backup, journal: JournalFile
) -> None:
    def fail(reached: int) -> None:
        if reached == seq:
            raise InterruptedError

    wishes()
    backup.restore()
    with handled(checkpoints.REPLAYING, fail), pytest.raises(InterruptedError):
        replay_journal(actor=TESTER)
    # The line at which it failed took no effect, and nothing opened meanwhile.
    assert awaits_replay()
    assert known_to_database() == seq - 1
    rest = replay_journal(actor=TESTER)
    assert sum(rest.values()) == 4 - seq
    act_on_requests()
    assert not Identifier.objects.filter(value__startswith="ada").exists()
    assert not permits("bob")
    assert profile_of("user_id:cy").is_restricted
    assert permits("dee")
    assert PrivacyRequest.objects.filter(kind="erasure").count() == 1
    assert journal_fault() is None
    assert not verify_states()


def known_to_database() -> int:
    return JournalEntry.objects.aggregate(last=Max("seq"))["last"] or 0


def warnings_of_database() -> list[str]:
    messages = run_checks(tags=["database"], databases=["default"])
    return [each.msg for each in messages if each.id == "consent.W003"]


def test_the_system_check_says_that_a_restored_backup_awaits_the_replay(
    backup: Backup, journal: JournalFile
) -> None:
    wishes()
    assert not warnings_of_database()
    backup.restore()
    assert "is a restored backup" in warnings_of_database()[0]
    call_command("privacy_replay")
    assert not warnings_of_database()
    journal.path.unlink()
    assert "lacks lines" in warnings_of_database()[0]


def test_a_journal_whose_disk_is_not_there_is_a_fault_that_readyz_names(
    people: None, journal: JournalFile
) -> None:
    # A folder where the file should be: each reading of it is an OSError.
    journal.path.mkdir(parents=True)
    assert "cannot be read" in warnings_of_database()[0]
    ready = Client().get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["privacy_journal_fault"] == "unreadable"
    # The next connection asks at once.
    connection.close()
    assert make_client().get("/api/v1/profiles/").status_code == 503
    with pytest.raises(CommandError):
        call_command("privacy_replay")


def test_a_line_that_only_the_file_numbered_is_no_restored_backup(
    people: None, journal: JournalFile
) -> None:
    withdraw("bob")
    known = JournalEntry.objects.get()
    withdraw("cy")
    # A process died between the file and the database.
    JournalEntry.objects.update(seq=None)
    known.save(force_insert=True)
    assert journal_fault() is None
    assert not JournalEntry.objects.filter(seq=None).exists()
    assert journal.last_seq() == 2
    assert give_to_journal() == 0


def test_a_lost_file_is_a_fault_that_stops_nobody(people: None, journal: JournalFile) -> None:
    withdraw("bob")
    journal.path.unlink()
    assert journal_fault() == "lines_missing"
    assert not awaits_replay()
    assert make_client().get("/api/v1/profiles/").status_code == 200
    ready = Client().get("/readyz").json()
    assert (ready["checks"]["privacy_journal"], ready["privacy_journal_fault"]) == (
        True,
        "lines_missing",
    )
    journal.path.write_text("no journal\n")
    assert journal_fault() == "unreadable"


def test_grants_are_not_journaled_and_nothing_is_without_a_journal(
    people: None, journal: JournalFile, settings: Any
) -> None:
    assert not journal.path.exists()
    settings.PRIVACY_JOURNAL = ""
    withdraw("bob")
    assert not JournalEntry.objects.exists()
    assert journal_fault() is None


def test_a_journal_beside_the_data_is_warned_of_at_deployment(settings: Any) -> None:
    def warnings() -> list[str]:
        return [
            each.msg
            for each in run_checks(include_deployment_checks=True)
            if each.id == "consent.W002"
        ]

    settings.PRIVACY_JOURNAL = str(django_settings.DATA_DIR / "journal.jsonl")
    assert "below DATA_DIR" in warnings()[0]
    settings.PRIVACY_JOURNAL = ""
    assert "No privacy journal" in warnings()[0]
    settings.PRIVACY_JOURNAL = "/somewhere/else.jsonl"
    assert not warnings()


@settings(max_examples=tries(200), deadline=None)
@given(
    sizes=st.lists(st.integers(0, 200_000), max_size=4),
    torn=st.binary(max_size=20).filter(lambda text: b"\n" not in text),
    seq=st.integers(0, 5),
)
def test_lines_of_any_length_are_read_from_the_end_and_a_torn_one_is_none(
    sizes: list[int], torn: bytes, seq: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = JournalFile(tmp_path_factory.mktemp("journal") / "journal.jsonl")
    lines = [{"seq": number, "text": "x" * size} for number, size in enumerate(sizes, 1)]
    with file.locked():
        for line in lines:
            file.append([line])
    with file.path.open("ab") as raw:
        raw.write(torn)
    assert file.last_seq() == len(lines)
    assert file.after(seq) == lines[seq:]
    with file.locked():
        file.append([{"seq": len(lines) + 1}])
    assert [json.loads(text)["seq"] for text in file.path.read_text().splitlines()] == list(
        range(1, len(lines) + 2)
    )


def test_what_is_open_is_named_exactly() -> None:
    assert is_open("POST", "/v1/batch")
    assert is_open("POST", "/api/v1/consents/")
    assert not is_open("GET", "/api/v1/consents/")
    assert not is_open("POST", "/api/v1/profiles/lookup/")
    assert not is_open("POST", "/api/v1/consents/state/")
