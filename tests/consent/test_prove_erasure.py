"""The proof that nothing is left: it finds what is, wherever and however it is left."""

import gzip
import hashlib
import io
import json
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import jwt
import lz4.frame
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from consent.models import AccessArchive, ConsentBody, ConsentEvent, PrivacyRequest, RequestLogEntry
from consent.proofs.patterns import patterns_of
from consent.services import (
    NewRequest,
    NotErased,
    act_on_requests,
    open_request,
    prove_erasure,
    record,
)
from profiles.lib.valkey import valkey
from profiles.models import SourceRecord
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_identifier, make_profile, make_purpose, make_source
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db
ADA = "email:ada.prove@example.org"
ADDRESS = ADA.partition(":")[2]
VALUES = [ADA, "user_id:1", "anonymous_id:browser-of-ada-prove", "Ada Lovelace-Prove"]


@pytest.fixture(autouse=True)
def empty_folder(settings: Any, tmp_path: Path) -> Path:
    """Files of this test alone: others write their mails and logs at the same time."""
    settings.DATA_DIR = tmp_path / "var"
    folder: Path = settings.DATA_DIR / "mail"
    folder.mkdir(parents=True)
    return folder


def erased() -> PrivacyRequest:
    make_purpose()
    profile = make_profile(*VALUES[:3])
    SourceRecord.objects.create(
        identifier=profile.identifiers.get(namespace="email"),
        profile=profile,
        source=make_source(),
        trust=2,
        traits={"name": ["Ada Lovelace-Prove", 1], "email": [ADDRESS, 1]},
    )
    record(consent_input(profile, evidence={"form": ADDRESS}))
    new_request = NewRequest(kind="erasure", references=(ADA,), reason="Ada wrote to us")
    request = open_request(new_request, door="service", actor=TESTER)
    act_on_requests()
    return request


def hits(request: PrivacyRequest, *values: str, **extra: Any) -> dict[str, set[str]]:
    """The forms that were found, by place."""
    report = prove_erasure(request.pk, values or VALUES, **extra)
    found: dict[str, set[str]] = {}
    for hit in report.content["hits"]:
        found.setdefault(hit["place"], set()).add(hit["form"])
    assert report.is_clean == (not found)
    return found


def leave_in_a_row(text: str) -> None:
    request = PrivacyRequest.objects.get()
    RequestLogEntry.objects.create(request=request, status="done", actor="dpo", note=text)


def test_after_an_erasure_nothing_is_found_and_the_report_is_signed(client: Any) -> None:
    request = erased()
    report = prove_erasure(request.pk, VALUES)
    assert report.content["hits"] == []
    assert report.content["searched"]["tables"] > 50
    assert report.content["values"] == {"searched": 3, "in_place_only": 1, "of_others": 0}
    assert "write-ahead log" in report.content["declared"]
    keys = client.get("/.well-known/jwks.json").json()["keys"]
    signed = jwt.decode(report.jws, jwt.PyJWK(keys[0]), algorithms=["EdDSA"])
    assert signed == report.content
    assert (
        "ada" not in without_ids(json.dumps({**report.content, "declared": {}, "kept": {}})).lower()
    )


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (ADDRESS, "spelling"),
        (f"she is {ADDRESS.upper()}.", "spelling"),
        (f"https://example.org/?a={quote(ADDRESS)}", "spelling"),
        (ADDRESS.encode().hex(), "spelling"),
        ("Ada Lovelace-Prove", "spelling"),
        (hashlib.md5(ADDRESS.encode()).hexdigest(), "hash"),
        (hashlib.sha1(ADDRESS.encode()).hexdigest().upper(), "hash"),
        (hashlib.sha256(ADDRESS.encode()).hexdigest(), "hash"),
        (b64encode(hashlib.sha256(ADDRESS.encode()).digest()).decode(), "hash"),
        (hashlib.sha256(b"1").hexdigest(), ""),
    ],
)
def test_what_is_left_in_a_row_is_found(text: str, form: str) -> None:
    request = erased()
    leave_in_a_row(text)
    assert hits(request) == ({"consent_requestlogentry": {form}} if form else {})


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", content)
    return packed.getvalue()


@pytest.mark.parametrize("pack", [_zipped, gzip.compress, lz4.frame.compress, bytes])
def test_what_is_left_in_packed_bytes_is_found(pack: Any) -> None:
    request = erased()
    content = pack(b'{"email": "' + ADDRESS.encode() + b'"}' * 50)
    AccessArchive.objects.create(request=request, content=content, expires_at=request.due_at)
    assert "consent_accessarchive.content" in hits(request)


def test_what_is_left_in_files_and_in_dumps_is_found(empty_folder: Path, tmp_path: Path) -> None:
    request = erased()
    (empty_folder / "1.log").write_text(f"To: {ADDRESS}\n")
    dump = tmp_path / "dump.sql.gz"
    dump.write_bytes(gzip.compress(f"COPY … {ADDRESS}".encode()))
    cut_off = tmp_path / "cut.sql.gz"
    cut_off.write_bytes(dump.read_bytes()[:10])
    assert hits(request, paths=[dump, cut_off]) == {
        "DATA_DIR/mail/1.log": {"spelling"},
        "dump.sql.gz": {"spelling"},
    }


def test_what_is_left_in_valkey_is_found() -> None:
    request, client = erased(), valkey()
    assert client is not None
    key, value = f"left:{uuid4()}", hashlib.sha256(ADDRESS.encode()).hexdigest()
    client.set(key, value, ex=60)
    try:
        assert hits(request) == {"Valkey, cache": {"hash"}}
    finally:
        client.delete(key)


def test_a_short_identifier_is_looked_for_in_its_place_alone() -> None:
    request = erased()
    assert hits(request, "user_id:1") == {}
    make_identifier("user_id:1")
    assert hits(request, "user_id:1") == {"profiles_identifier": {"spelling"}}


def test_a_value_that_another_person_has_is_listed_apart() -> None:
    request = erased()
    make_profile("email:bob.prove@example.org")
    report = prove_erasure(request.pk, [*VALUES, "email:bob.prove@example.org"])
    assert report.is_clean
    places = {hit["place"] for hit in report.content["held_by_others"]}
    assert "profiles_identifier" in places


def test_a_person_who_came_in_again_is_found() -> None:
    request = erased()
    make_identifier(ADA)
    assert "profiles_identifier" in hits(request)


def test_what_is_left_on_purpose_is_said_and_is_no_hit() -> None:
    request = erased()
    bob = make_profile("email:bob@example.org")
    event = record(consent_input(bob, evidence={"seen by": ADDRESS}))
    assert ConsentBody.objects.filter(event=event).exists()
    assert ConsentEvent.objects.exists()
    report = prove_erasure(request.pk, VALUES)
    assert report.is_clean
    [left] = report.content["left_on_purpose"]
    assert left["place"] == "consent_consentbody"


def test_only_an_erasure_is_proved() -> None:
    make_profile(ADA)
    access = open_request(
        NewRequest(kind="access", references=(ADA,)), door="service", actor=TESTER
    )
    with pytest.raises(NotErased):
        prove_erasure(access.pk, VALUES)


def test_the_command_exits_with_1_on_a_hit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = erased()
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(VALUES)))
    call_command("prove_erasure", str(request.pk))
    assert json.loads(capsys.readouterr().out)["hits"] == []
    leave_in_a_row(ADDRESS)
    monkeypatch.setattr("sys.stdin", io.StringIO(ADA))
    with pytest.raises(SystemExit) as ended:
        call_command("prove_erasure", str(request.pk))
    assert ended.value.code == 1
    assert ADDRESS not in capsys.readouterr().out


def test_the_command_wants_values_and_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(CommandError, match="standard input"):
        call_command("prove_erasure", str(uuid4()))
    monkeypatch.setattr("sys.stdin", io.StringIO(ADA))
    with pytest.raises(CommandError, match="No privacy request"):
        call_command("prove_erasure", str(uuid4()))


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30), st.binary())
def test_a_value_is_found_in_any_bytes_around_it(value: str, around: bytes) -> None:
    patterns = patterns_of([value])
    assert patterns.found_in(b" " + value.encode() + b" " + around)[0]
    assert patterns.found_in(lz4.frame.compress(value.encode()))[0]
    assert patterns.found_in(hashlib.sha256(value.encode()).hexdigest().encode())[1]
