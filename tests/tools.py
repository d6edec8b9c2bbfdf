"""Stand-ins for the services of tools, by their published interfaces: what they were sent, what
they keep of it, and how they fail.
"""

import http.server
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from django.conf import settings


class Request(NamedTuple):
    """One call: the method, the path, the body as it was read, and the headers."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


class Response(NamedTuple):
    status: int
    body: Any = None
    headers: dict[str, str] = {}


class Service:
    """A service on this machine. `fail` answers before it does, until it returns nothing."""

    def __init__(self) -> None:
        self.calls: list[Request] = []
        self.lock = Lock()
        self.url = ""
        self.fail: Callable[[Request], Response | None] = lambda request: None

    def answer(self, request: Request) -> Response:
        return Response(200, {})

    def take(self, request: Request) -> Response:
        with self.lock:
            self.calls.append(request)
            return self.fail(request) or self.answer(request)


def _read(content_type: str, content: bytes) -> Any:
    """A form as its fields, lines as a text, the rest as JSON."""
    match content_type:
        case "application/x-www-form-urlencoded":
            return parse_qs(content.decode())
        case "application/x-ndjson":
            return content.decode()
        case _:
            return json.loads(content or b"null")


@contextmanager
def serving(service: Any) -> Iterator[Any]:
    """Run a service, which may be called."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = _read(headers.get("content-type", ""), content)
            request = Request(self.command, parts.path, parse_qs(parts.query), body, headers)
            response = service.take(request)
            text = b"" if response.body is None else json.dumps(response.body).encode()
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = f"127.0.0.1:{server.server_port}"
    service.url = f"http://{place}"
    former = settings.OUTGOING_TRUSTED_HOSTS
    settings.OUTGOING_TRUSTED_HOSTS = [*former, place]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        settings.OUTGOING_TRUSTED_HOSTS = former
        server.shutdown()
        server.server_close()


class People(Service):
    """A service of the shape that generic HTTP calls: one person or several in a call."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Any] = {}
        self.refused: set[str] = set()

    def answer(self, request: Request) -> Response:
        rows = request.body.get("people", [request.body])
        if any(row.get("id") in self.refused for row in rows):
            return Response(422)
        for row in rows:
            if row.get("action") in ("exit", "forget"):
                self.people.pop(row["id"], None)
            elif request.body.get("action") != "test":
                self.people[row["id"]] = row
        return Response(200, {})


class Meta(Service):
    """Graph API: `/{audience}/users` with a schema and rows; errors have codes."""

    TOKEN = "meta-token"
    COLUMNS = frozenset({"EMAIL", "PHONE", "FN", "LN", "COUNTRY", "EXTERN_ID", "CT", "ZIP"})

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, str]] = {}

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.TOKEN}":
            return self.error(400, 190)
        if request.method == "GET":
            return Response(200, {"id": "77"})
        if request.path != "/77/users":
            return self.error(400, 100)
        payload = request.body["payload"]
        if not set(payload["schema"]) <= self.COLUMNS or len(payload["data"]) > 10_000:
            return self.error(400, 100)
        for values in payload["data"]:
            row = dict(zip(payload["schema"], values, strict=True))
            name = row.get("EMAIL") or row.get("PHONE") or row["EXTERN_ID"]
            if request.method == "POST":
                self.rows[name] = row
            else:
                self.rows.pop(name, None)
        received = len(payload["data"])
        return Response(200, {"audience_id": "77", "num_received": received})

    @staticmethod
    def error(status: int, code: int) -> Response:
        return Response(
            status, {"error": {"message": "No.", "type": "OAuthException", "code": code}}
        )


class Google(Service):
    """Data Manager API, and the tokens of service accounts. A token lives for an hour."""

    def __init__(self, verify: Callable[[str], dict[str, Any]]) -> None:
        super().__init__()
        self.verify = verify
        self.tokens = 0
        self.members: set[str] = set()

    def answer(self, request: Request) -> Response:
        if request.path == "/token":
            claims = self.verify(request.body["assertion"][0])
            if claims["aud"] != f"{self.url}/token":
                return Response(400, {"error": "invalid_grant"})
            self.tokens += 1
            return Response(200, {"access_token": f"t{self.tokens}", "expires_in": 3600})
        if request.headers.get("authorization") != f"Bearer t{self.tokens}":
            return Response(401, {"error": {"status": "UNAUTHENTICATED"}})
        body = request.body
        [destination] = body["destinations"]
        is_known = destination["productDestinationId"] == "77" and body["encoding"] == "HEX"
        parts = [each["userData"]["userIdentifiers"] for each in body["audienceMembers"]]
        if not is_known or any(len(part) != 1 for group in parts for part in group):
            return Response(400, {"error": {"status": "INVALID_ARGUMENT"}})
        names = {str(next(iter(group[0].values()))) for group in parts}
        if request.path == "/audienceMembers:ingest":
            if body["termsOfService"]["customerMatchTermsOfServiceStatus"] != "ACCEPTED":
                return Response(400)
            self.members |= set() if body.get("validateOnly") else names
        else:
            self.members -= names
        return Response(200, {"requestId": "r"})
