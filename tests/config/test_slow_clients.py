"""Slow clients keep nobody else waiting, and chunked bodies are read whole."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.runtime.slow_clients import GRACE_SECONDS, Watcher
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.models import Event
from tests.factories import make_source, make_write_key
from tests.system.product import Product, wait_until

HEADERS = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n"


@pytest.fixture
def web(committing_db: str, tmp_path: Path) -> Iterator[Product]:
    """A running web server."""
    product = Product(tmp_path, committing_db, WEB_WORKERS="2")
    product.start("web")
    wait_until(product.is_answering)
    yield product
    product.stop()


@pytest.mark.parametrize(
    "start", [HEADERS + b'\r\n{"batch":[', HEADERS[:40]], ids=["bodies", "headers"]
)
def test_200_slow_clients_keep_no_probe_waiting(web: Product, start: bytes) -> None:
    sockets = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(200)]
    for connection in sockets:
        connection.sendall(start)
    times = []
    for _ in range(40):
        began = time.monotonic()
        assert web.call("GET", "/healthz").status == 200
        times.append(time.monotonic() - began)
        time.sleep(0.02)
    for connection in sockets:
        connection.close()
    assert sorted(times)[int(len(times) * 0.95)] < 1


def test_a_slow_body_is_408_and_an_ordinary_one_is_taken_meanwhile(web: Product) -> None:
    key = make_write_key(make_source())
    slow = [socket.create_connection(("127.0.0.1", web.port), timeout=40) for _ in range(40)]
    for connection in slow:
        connection.sendall(HEADERS + b'\r\n{"batch":[')
    message = {"type": "track", "userId": "u1", "event": "Viewed"}
    assert web.send(key, message).status == 200
    # Those over half of the threads are answered soon; nobody waits for the rest.
    answers = [connection.recv(100) for connection in slow[-4:]]
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    for connection in slow:
        connection.close()


def test_a_chunked_body_is_read_whole(web: Product) -> None:
    key = make_write_key(make_source())
    body = json.dumps({"batch": [{"type": "track", "userId": "u1", "event": "Viewed"}]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(
        "POST", "/v1/batch", iter([body[:10], body[10:]]), headers, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert InboxRow.objects.get().message_count == 1
    drain_inbox()
    assert Event.objects.count() == 1


def test_only_overdue_readings_end_and_beyond_half_of_the_threads_the_slow_ones() -> None:
    watcher = Watcher(threads=4)
    pairs = [socket.socketpair() for _ in range(4)]
    for connection, _ in pairs:
        watcher.begin(connection, seconds=5)
    now = time.monotonic()
    watcher.end_overdue(now=now)
    assert watcher.end(pairs[3][0])
    watcher.begin(pairs[3][0], seconds=5)
    watcher.end_overdue(now=now + 2 * GRACE_SECONDS)
    assert [watcher.end(connection) for connection, _ in pairs] == [True, True, False, False]
    watcher.begin(pairs[0][0], seconds=1)
    watcher.end_overdue(now=now + 2)
    assert not watcher.end(pairs[0][0])
    for pair in pairs:
        for connection in pair:
            connection.close()
