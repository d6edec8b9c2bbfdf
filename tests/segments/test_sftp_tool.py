"""Files of what changed since the last on a server, by SFTP."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from segments.models import Delivery, Destination
from segments.services import SegmentError, check_account
from tests.factories import send_messages
from tests.segments.listening import consent, settle
from tests.segments.sending import call_at_once, send_to
from tests.sftp_server import PASSWORD, USER, Server, serving_files

pytestmark = pytest.mark.django_db
HOST_KEY, USER_KEY = (paramiko.ECDSAKey.generate() for _ in range(2))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "crm").mkdir()
    with serving_files(tmp_path, HOST_KEY, USER_KEY) as server:
        yield server


def to_server(server: Server, lyon: Any, **changes: str) -> Destination:
    own = {"host": "127.0.0.1", "port": str(server.port), "user": USER, "secret": PASSWORD}
    own |= {"host_key": server.public_key, "folder": "crm"} | changes
    return send_to("sftp", lyon, settings=own, mapping={"id": "user_id", "email": "email"})


def enter() -> None:
    traits = {"city": "Lyon", "email": "ada@example.org"}
    send_messages({"userId": "ada", "traits": traits})
    consent()
    settle()


def lines_in(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.iterdir())
        for line in path.read_text().splitlines()
    ]


def test_a_server_gets_files_of_what_changed(server: Server, lyon: Any, tmp_path: Path) -> None:
    destination = to_server(server, lyon)
    enter()
    assert lines_in(tmp_path / "crm") == [
        {"action": "enter", "id": "ada", "email": "ada@example.org"}
    ]
    send_messages({"userId": "ada", "traits": {"city": "Rome"}})
    call_at_once(destination)
    settle()
    call_at_once(destination)
    settle()
    assert {"action": "exit", "id": "ada"} in lines_in(tmp_path / "crm")
    assert all(path.name.endswith(".jsonl") for path in (tmp_path / "crm").iterdir())


def test_a_private_key_opens_the_door_too(server: Server, lyon: Any, tmp_path: Path) -> None:
    text = io.StringIO()
    USER_KEY.write_private_key(text)
    destination = to_server(server, lyon, secret=text.getvalue())
    assert check_account(destination).is_taken
    assert (tmp_path / "crm/test.jsonl").read_text() == '{"action":"test"}\n'


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"host_key": USER_KEY.get_base64()}, "other_host_key"),
        ({"secret": "wrong"}, "not_signed_in"),
        ({"secret": "-----BEGIN nothing"}, "unusable_key"),
        ({"folder": "elsewhere"}, "not_written"),
        ({"port": "1"}, "private_address"),
    ],
)
def test_a_server_that_is_another_or_refuses_us_lets_everything_wait(
    server: Server, lyon: Any, tmp_path: Path, changes: dict[str, str], fault: str
) -> None:
    destination = to_server(server, lyon, **changes)
    enter()
    destination.refresh_from_db()
    assert destination.retry_at
    assert Delivery.objects.get().fault == fault
    assert lines_in(tmp_path / "crm") == []


@pytest.mark.parametrize("port", ["none", "0", "65536", "-1", "²"])
def test_a_port_that_is_none_is_refused(server: Server, lyon: Any, port: str) -> None:
    with pytest.raises(SegmentError) as refused:
        to_server(server, lyon, port=port)
    assert refused.value.field == "settings.port"
