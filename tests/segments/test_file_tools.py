"""Files of what changed since the last, in a folder and in a bucket."""

import hashlib
import hmac
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyrage
import pytest
from django.utils import timezone

from consent.services import NewRequest, act_on_requests, open_request
from profiles.lib.checkpoints import handled
from segments.activation import checkpoints
from segments.activation.destinations.s3.signature import Account, headers_of
from segments.models import Delivery, Destination, ErasureNotice
from segments.services import (
    SegmentError,
    check_account,
    deliver,
    refresh_changed,
    update_destination,
)
from tests.factories import TESTER, send_messages
from tests.segments.listening import ADA, consent, settle
from tests.segments.sending import call_at_once, send_to
from tests.tools import Request, Response, Service, serving

MAPPING = {"id": "user_id", "email": "email"}


def known(name: str, **traits: Any) -> None:
    traits = {"city": "Lyon", "email": f"{name}@example.org"} | traits
    send_messages({"userId": name, "traits": traits})
    consent(reference=f"user_id:{name}")


def to_folder(lyon: Any, **settings: str) -> Destination:
    return send_to("folder", lyon, settings={"folder": "crm"} | settings, mapping=MAPPING)


def files_in(folder: Path) -> list[list[dict[str, Any]]]:
    """The lines of each file, in the order in which they were written."""
    paths = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]


@pytest.mark.django_db
def test_a_folder_gets_what_changed_since_the_last_files(
    lyon: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    destination = to_folder(lyon)
    known("ada")
    known("bob")
    settle()
    [first] = files_in(tmp_path / "crm")
    assert sorted(row["email"] for row in first) == ["ada@example.org", "bob@example.org"]
    known("ada", email="new@example.org")
    send_messages({"userId": "bob", "traits": {"city": "Rome"}})
    settle()
    # The hour is not over.
    assert len(files_in(tmp_path / "crm")) == 1
    call_at_once(destination)
    settle()
    rest = [row for file in files_in(tmp_path / "crm")[1:] for row in file]
    assert sorted(rest, key=lambda row: str(row["action"])) == [
        {"action": "enter", "id": "ada", "email": "new@example.org"},
        {"action": "exit", "id": "bob"},
    ]
    call_at_once(destination)
    settle()
    assert len(files_in(tmp_path / "crm")) == 3
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "crm").iterdir()}
    assert modes == {0o600}


@pytest.mark.django_db
def test_who_withdraws_before_a_file_is_written_is_not_in_it(
    lyon: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    to_folder(lyon)
    known("ada")
    known("bob")
    refresh_changed()
    with handled(checkpoints.CLAIMED, lambda _: consent("withdrawn")):
        deliver()
    assert [[row["id"] for row in file] for file in files_in(tmp_path / "crm")] == [["bob"]]


@pytest.mark.django_db
def test_who_was_erased_is_to_be_forgotten_by_whoever_reads_the_files(
    lyon: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    destination = to_folder(lyon)
    known("ada")
    settle()
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    call_at_once(destination)
    settle()
    assert files_in(tmp_path / "crm")[-1] == [{"action": "forget", "id": "ada"}]
    assert ErasureNotice.objects.get().taken_at


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["..", "a/b", ".hidden", "a\\b "])
def test_a_folder_is_a_name_and_no_path(
    lyon: Any, settings: Any, tmp_path: Path, folder: str
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path / "exports")
    with pytest.raises(SegmentError) as refused:
        to_folder(lyon, folder=folder)
    assert refused.value.field == "settings.folder"
    # Of before that was refused.
    destination = to_folder(lyon)
    destination.settings["folder"] = folder
    assert check_account(destination).fault == "no_folder_name"
    assert list(tmp_path.rglob("*.jsonl")) == []


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_lets_everything_wait(
    lyon: Any, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "crm").write_text("in the way")
    settings.EXPORT_FOLDER = str(tmp_path)
    destination = to_folder(lyon)
    known("ada")
    settle()
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.fault) == ("pending", "not_written")
    (tmp_path / "crm").unlink()
    call_at_once(destination)
    settle()
    assert len(files_in(tmp_path / "crm")) == 1


@pytest.mark.django_db
def test_files_are_encrypted_for_the_key_that_is_given(
    lyon: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    own = pyrage.x25519.Identity.generate()
    destination = to_folder(lyon, recipient=str(own.to_public()))
    known("ada")
    settle()
    [path] = (tmp_path / "crm").iterdir()
    assert path.name.endswith(".jsonl.age")
    assert b"ada@example.org" not in path.read_bytes()
    line = {"action": "enter", "id": "ada", "email": "ada@example.org"}
    assert json.loads(pyrage.decrypt(path.read_bytes(), [own])) == line
    for changes in ({"recipient": "age1nobody"}, {"every": "soon"}, {"every": "0"}):
        with pytest.raises(SegmentError):
            update_destination(destination, actor=TESTER, changes={"settings": changes})
    destination.refresh_from_db()
    destination.settings["recipient"] = "age1nobody"
    # Nothing is written in the clear because a key is no good.
    assert check_account(destination).fault == "unusable_recipient"
    assert len(list((tmp_path / "crm").iterdir())) == 1


# S3

# The examples of AWS: "Signature Calculations for the Authorization Header".
EXAMPLE = Account("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "max-keys=2&prefix=J",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed_as_in_the_examples_of_aws(query: str, signature: str) -> None:
    url = f"https://examplebucket.s3.amazonaws.com/?{query}"
    headers = headers_of(EXAMPLE, "GET", url, b"", datetime(2013, 5, 24, tzinfo=UTC))
    assert headers["Authorization"].endswith(f"Signature={signature}")


class Bucket(Service):
    """A service of the kind of S3, which checks signatures as it reads them from the headers."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, list[dict[str, Any]]] = {}

    def answer(self, request: Request) -> Response:
        if request.headers["authorization"] != self.signed(request):
            return Response(403)
        if not request.path.startswith("/people/"):
            return Response(404)
        lines = request.body.splitlines()
        self.objects[request.path] = [json.loads(line) for line in lines]
        return Response(200)

    def signed(self, request: Request) -> str:
        headers = request.headers
        stamp, digest = headers["x-amz-date"], hashlib.sha256(request.body.encode()).hexdigest()
        canonical = (
            f"{request.method}\n{request.path}\n\nhost:{headers['host']}\n"
            f"x-amz-content-sha256:{digest}\nx-amz-date:{stamp}\n\n"
            f"host;x-amz-content-sha256;x-amz-date\n{digest}"
        )
        scope = f"{stamp[:8]}/eu-west-3/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
        text += hashlib.sha256(canonical.encode()).hexdigest()
        key = b"AWS4s3cr3t"
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date"
        return f"AWS4-HMAC-SHA256 Credential=AK1/{scope},{names},Signature={signature}"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving(Bucket()) as service:
        yield service


def to_bucket(service: Bucket, lyon: Any, **changes: str) -> Destination:
    own = {"address": service.url, "region": "eu-west-3", "bucket": "people", "key_id": "AK1"}
    own |= {"secret": "s3cr3t", "prefix": "crm/"}
    return send_to("s3", lyon, settings=own | changes, mapping=MAPPING)


@pytest.mark.django_db
def test_a_bucket_gets_files_of_what_changed(bucket: Bucket, lyon: Any) -> None:
    destination = to_bucket(bucket, lyon)
    assert check_account(destination).is_taken
    known("ada")
    settle()
    send_messages({"userId": "ada", "traits": {"city": "Rome"}})
    settle()
    call_at_once(destination)
    settle()
    rows = [row for name in sorted(bucket.objects) for row in bucket.objects[name] if len(row) > 1]
    assert sorted(rows, key=str) == [
        {"action": "enter", "id": "ada", "email": "ada@example.org"},
        {"action": "exit", "id": "ada"},
    ]
    assert all(name.startswith("/people/crm/") for name in bucket.objects)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "answer"), [({"secret": "wrong"}, 403), ({"bucket": "other"}, 403)]
)
def test_a_bucket_that_refuses_us_lets_everything_wait(
    bucket: Bucket, lyon: Any, changes: dict[str, str], answer: int
) -> None:
    destination = to_bucket(bucket, lyon, **changes)
    known("ada")
    known("bob")
    settle()
    destination.refresh_from_db()
    assert destination.retry_at is not None
    assert destination.retry_at > timezone.now() + timedelta(seconds=1)
    assert set(Delivery.objects.values_list("state", "answer")) == {("pending", answer)}
    assert len(bucket.calls) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_have_a_column_for_each_name_of_the_mapping(
    lyon: Any, settings: Any, tmp_path: Path, ending: str
) -> None:
    settings.EXPORT_FOLDER = str(tmp_path)
    mapping = {"id": "user_id", "name": "traits.first_name", "segments": "segments"}
    destination = send_to(
        "folder", lyon, settings={"folder": "crm", "format": ending}, mapping=mapping
    )
    assert check_account(destination).is_taken
    known("ada", first_name="=1+1")
    settle()
    known("ada", city="Rome")
    settle()
    call_at_once(destination)
    settle()
    *files, test = sorted((tmp_path / "crm").iterdir())
    assert test.name == f"test.{ending}"
    rows = [duckdb.sql(f"FROM '{path}'").fetchall() for path in files]
    lists = "lyon" if ending == "csv" else '["lyon"]'
    formula = "'=1+1" if ending == "csv" else "=1+1"
    assert rows == [[("enter", "ada", formula, lists)], [("exit", "ada", None, None)]]
    columns = duckdb.sql(f"FROM '{files[0]}'").columns
    assert columns == ["action", "id", "name", "segments"]
