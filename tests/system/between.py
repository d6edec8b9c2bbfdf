"""What may stand between an SDK and the product: a proxy that is slow, or loses answers."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

# Of a connection and not of what it carries.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Proxy:
    """A proxy in front of the product, and what it was answered.

    The first `losses` answers to POST are lost after the product gave them; each of the others
    takes `delay` seconds longer.
    """

    def __init__(self, target: int, *, losses: int = 0, delay: float = 0) -> None:
        self.target, self.losses, self.delay = target, losses, delay
        self.statuses: list[int] = []
        self.url = ""

    def forward(self, method: str, path: str, body: bytes, headers: Any) -> Any:
        """Return the product's answer with its body, or None where it gets lost."""
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.statuses.append(answer.status)
        if method == "POST":
            if self.losses:
                self.losses -= 1
                return None
            time.sleep(self.delay)
        return answer, content


@contextmanager
def proxy(target: int, *, losses: int = 0, delay: float = 0) -> Iterator[Proxy]:
    """Run a proxy in front of the port."""
    between = Proxy(target, losses=losses, delay=delay)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                result = between.forward(self.command, self.path, body, self.headers)
            except (OSError, http.client.HTTPException):
                result = None  # the product is down
            self.close_connection = True
            if result is None:
                return
            answer, content = result
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815  (the names are the server's)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with _served(Handler) as between.url:
        yield between


@contextmanager
def website(directory: Path) -> Iterator[str]:
    """Serve the files of a directory, and give the address."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(directory))

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with _served(Handler) as url:
        yield url


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
