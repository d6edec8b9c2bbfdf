"""What the conformance tests talk to: a processor at some address, and a receiver of callbacks."""

import http.client
import json
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """An answer, with the bytes of its body as they came."""

    status: int
    headers: Any
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Target:
    """A processor, and how to make it work: `work` does what is due now, or waits for it."""

    base_url: str
    key: str
    other_key: str = ""
    work: Callable[[], None] = lambda: time.sleep(1)
    make_retries_due: Callable[[], None] | None = None
    seed: Callable[[str], None] = lambda address: None
    receiver: "Receiver | None" = None

    @property
    def host(self) -> str:
        return str(urlsplit(self.base_url).hostname)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        parts = urlsplit(path if path.startswith("http") else f"{self.base_url}{path}")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(str(parts.hostname), parts.port, timeout=SECONDS)
        headers = {"Content-Type": "application/json"}
        if key := (self.key if key is None else key):
            headers["Authorization"] = f"Bearer {key}"
        try:
            connection.request(method, parts.path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def ask(self, request: dict[str, Any], **extra: Any) -> Answer:
        """Pass a request on."""
        return self.send("POST", "/requests", json.dumps(request).encode(), **extra)

    def status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the status object of a request."""
        body: dict[str, Any] = self.send("GET", f"/requests/{request['subject_request_id']}").body
        return body

    def completed(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the status object of a request once it is completed."""
        end = time.monotonic() + SECONDS * 20
        while (body := self.status(request))["request_status"] != "completed":
            assert time.monotonic() < end, body
            self.work()
        return body

    @cached_property
    def certificate(self) -> x509.Certificate:
        url = self.send("GET", "/discovery", key="").body["processor_certificate"]
        return x509.load_pem_x509_certificate(self.send("GET", url, key="").raw)

    def is_signed(self, raw: bytes, headers: Any, prefix: str = "X-OpenDSR") -> bool:
        """Whether the header's signature is that of these bytes by the certificate's key."""
        return self.verifies(b64decode(headers[f"{prefix}-Signature"]), raw)

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Whether a signature is that of the content by the certificate's key."""
        key = self.certificate.public_key()
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass
class Receiver:
    """A controller's server, which keeps what it is sent and answers what it is told to."""

    url: str = ""
    port: int = 0
    received: list[tuple[str, bytes, Any]] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)

    def start(self) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, body, self.headers))
                statuses = receiver.answers.get(self.path, [])
                self.send_response(statuses.pop(0) if statuses else 202)
                if self.path.startswith("/redirect"):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("localhost", self.port), Handler)
        self.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        return server

    def at(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that came to a path, in order."""
        return [json.loads(body) for place, body, _ in self.received if place == path]


def new_request(**changes: Any) -> dict[str, Any]:
    """Return a request about somebody new, with some fields changed; None takes one out."""
    request = {
        "regulation": "gdpr",
        "subject_request_id": str(uuid4()),
        "subject_request_type": "erasure",
        "submitted_time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "subject_identities": [email(f"{uuid4()}@example.org")],
        "api_version": "2.0",
    } | changes
    return {name: value for name, value in request.items() if value is not None}


def email(address: str, form: str = "raw") -> dict[str, str]:
    return {"identity_type": "email", "identity_value": address, "identity_format": form}
