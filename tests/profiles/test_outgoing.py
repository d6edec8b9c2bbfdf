"""Calls to addresses that others chose: only checked, public ones, over TLS, and no further."""

import http.server
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from profiles.lib import outgoing
from profiles.lib.outgoing import NotCalled, is_callable_url, is_public, post, send


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "64:ff9b::a9fe:a9fe",
        "fc00::1",
        "fe80::1%eth0",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_an_address_of_an_inner_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_as_what_it_stands_for(address: Any) -> None:
    number = int(address)
    mapped = f"::ffff:{address}"
    translated = f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"
    assert is_public(mapped) == is_public(translated) == is_public(str(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://",
        "https:///path",
        "https://user@example.org/",
        "https://user:secret@example.org/",
        "https://example.org/#part",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nHost: inner",
        "https://exämple.org/",
        "https://[::1/",
        "//example.org",
        "",
    ],
)
def test_what_is_no_plain_https_address_is_not_called(url: str) -> None:
    assert not is_callable_url(url)
    with pytest.raises(NotCalled):
        post(url, b"", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "[::1]"])
def test_a_name_of_this_machine_is_not_called(host: str) -> None:
    with pytest.raises(NotCalled, match=r"private_address|unknown_host"):
        post(f"https://{host}/", b"", {})


def test_one_inner_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _resolve_to(monkeypatch, "93.184.215.14", "10.0.0.1")
    with pytest.raises(NotCalled, match="private_address"):
        post("https://callbacks.example/", b"", {})


def test_a_name_that_leads_elsewhere_later_is_called_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the first look-up is public, any later one is this machine."""
    looked_up = _resolve_to(monkeypatch, "93.184.215.14")
    connected: list[Any] = []

    def connect(address: Any, *args: Any) -> socket.socket:
        connected.append(address)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotCalled, match="no_answer"):
        post("https://callbacks.example/", b"", {})
    assert connected == [("93.184.215.14", 443)]
    assert looked_up == ["callbacks.example"]


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    looked_up: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        current = addresses if len(looked_up) == 1 else ("127.0.0.1",)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port)) for it in current]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return looked_up


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        # All of it before the answer, after which the caller looks.
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)  # type: ignore[attr-defined]
        self.send_response(307 if self.path == "/away" else 202)
        self.send_header("Location", "/there")
        self.send_header("Retry-After", "120")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    server.paths = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_redirect_is_an_answer_and_not_followed(server: Any, settings: Any) -> None:
    place = f"localhost:{server.server_port}"
    settings.OUTGOING_TRUSTED_HOSTS = [place]
    assert post(f"http://{place}/away", b"{}", {}) == 307
    assert post(f"http://{place}/here?a=1", b"{}", {}) == 202
    assert server.paths == ["/away", "/here?a=1"]


def test_the_answer_says_when_to_come_again(server: Any, settings: Any) -> None:
    place = f"localhost:{server.server_port}"
    settings.OUTGOING_TRUSTED_HOSTS = [place]
    assert send(f"http://{place}/here", b"{}", {})[:2] == (202, "120")


def test_what_may_not_begin_once_it_is_connected_sends_no_byte(server: Any, settings: Any) -> None:
    place = f"localhost:{server.server_port}"
    settings.OUTGOING_TRUSTED_HOSTS = [place]
    with pytest.raises(NotCalled, match="withheld"):
        send(f"http://{place}/here", b"{}", {}, may_begin=lambda: False)
    assert server.paths == []


def serve_as_proxy(listener: socket.socket, answer: bytes, heard: list[bytes]) -> None:
    """Answer one CONNECT; after a 200 pass on to nobody and answer the request itself."""
    connection, _ = listener.accept()
    with connection:
        heard.append(connection.recv(4096))
        connection.sendall(answer)
        if b" 200 " in answer:
            heard.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_a_proxy_is_told_the_address_that_was_checked(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, heard = socket.create_server(("127.0.0.1", 0)), []
    settings.OUTGOING_PROXY = f"http://us:s%40ve@127.0.0.1:{listener.getsockname()[1]}"
    settings.OUTGOING_TRUSTED_HOSTS = ["hooks.example:80"]
    answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
    thread = Thread(target=serve_as_proxy, args=(listener, answer, heard), daemon=True)
    thread.start()
    _resolve_once(monkeypatch, "hooks.example", "93.184.215.14")
    assert post("http://hooks.example/in", b"{}", {}) == 204
    thread.join()
    assert heard[0].startswith(b"CONNECT 93.184.215.14:80 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXM6c0B2ZQ==" in heard[0]
    assert heard[1].startswith(b"POST /in HTTP/1.1\r\nHost: hooks.example\r\n")
    listener.close()


def test_what_the_proxy_refuses_is_not_called(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, heard = socket.create_server(("127.0.0.1", 0)), []
    settings.OUTGOING_PROXY = f"http://127.0.0.1:{listener.getsockname()[1]}"
    answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    thread = Thread(target=serve_as_proxy, args=(listener, answer, heard), daemon=True)
    thread.start()
    _resolve_once(monkeypatch, "hooks.example", "93.184.215.14")
    with pytest.raises(NotCalled, match="refused_by_proxy"):
        post("https://hooks.example/in", b"{}", {})
    thread.join()
    listener.close()


def _resolve_once(monkeypatch: pytest.MonkeyPatch, name: str, address: str) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve(address if host == name else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


def test_only_the_very_port_is_trusted(server: Any, settings: Any) -> None:
    settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{server.server_port + 1}"]
    with pytest.raises(NotCalled, match="not_https"):
        post(f"http://localhost:{server.server_port}/", b"", {})


def test_a_server_that_answers_a_byte_now_and_then_is_hung_up_on(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "WHOLE_SECONDS", 0.5)
    listener = socket.create_server(("localhost", 0))
    settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{listener.getsockname()[1]}"]

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"H")
                    connection.settimeout(0.05)
                    try:
                        connection.recv(1000)
                    except TimeoutError:
                        continue
            except OSError:
                pass

    Thread(target=drip, daemon=True).start()
    before = datetime.now(UTC)
    with pytest.raises(NotCalled, match="no_answer"):
        post(f"http://{settings.OUTGOING_TRUSTED_HOSTS[0]}/", b"", {})
    assert datetime.now(UTC) - before < timedelta(seconds=4)
    listener.close()


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(
    server: Any, settings: Any, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    place = f"localhost:{server.server_port}"
    settings.OUTGOING_TRUSTED_HOSTS = [place]
    with pytest.raises(NotCalled, match="no_answer"):
        post(f"https://{place}/", b"", {})
    assert server.paths == []


def _self_signed(directory: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
