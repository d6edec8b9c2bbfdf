"""A receiver of webhooks to test against: what it is sent, and what it answers."""

import http.server
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import Any, NamedTuple

from django.conf import settings


class Call(NamedTuple):
    """One call: the id and the body of the message, its headers, and when it came."""

    id: str
    body: dict[str, Any]
    headers: dict[str, str]
    content: bytes
    at: datetime


class Receiver:
    """Keeps what it took. `answer` says for each call the status, and the header Retry-After."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.taken: list[Call] = []
        self.answer: Callable[[Call], int | tuple[int, str]] = lambda call: 200
        self.lock = Lock()
        self.url = ""

    def take(self, call: Call) -> tuple[int, str]:
        answer = self.answer(call)
        status, retry_after = answer if isinstance(answer, tuple) else (answer, "")
        with self.lock:
            self.calls.append(call)
            if status < 300:
                self.taken.append(call)
        return status, retry_after

    @property
    def events(self) -> list[str]:
        return [call.body["type"] for call in self.taken]

    def by_person(self) -> dict[str, list[str]]:
        """What was taken first of each message, by person, in the order in which it came."""
        events: dict[str, list[str]] = defaultdict(list)
        for call in {call.id: call for call in reversed(self.taken)}.values():
            events[call.body["data"]["profile"]].insert(0, call.body["type"])
        return dict(events)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on this machine, which may be called."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(content)
            call = Call(headers["webhook-id"], body, headers, content, datetime.now(UTC))
            status, retry_after = receiver.take(call)
            self.send_response(status)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = f"127.0.0.1:{server.server_port}"
    receiver.url = f"http://{place}/hook"
    former = settings.OUTGOING_TRUSTED_HOSTS
    settings.OUTGOING_TRUSTED_HOSTS = [*former, place]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        settings.OUTGOING_TRUSTED_HOSTS = former
        server.shutdown()
        server.server_close()


def slowly(seconds: float, status: int = 200) -> Callable[[Call], int]:
    """An answer that takes so long."""

    def answer(call: Call) -> int:
        time.sleep(seconds)
        return status

    return answer
