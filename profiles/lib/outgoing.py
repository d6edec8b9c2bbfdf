"""Calls from here to addresses that others chose: webhooks and callbacks.

Invariant: a call goes to an address that was checked, over TLS, and to nothing behind a redirect.
The name is resolved once; each address that it has must be public, and the connection is made to
one of those, so that a name that changes between the check and the call leads nowhere else. A
proxy is told that address, too, and not the name.
"""

import base64
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

CONNECT_SECONDS = 5
# From the connection to the last byte that is read, however slowly it comes.
WHOLE_SECONDS = 15
# More than this in the answer of a proxy is none.
MAX_PROXY_ANSWER = 8192
# Prefixes by which an IPv6 address stands for an IPv4 address: NAT64 of RFC 6052, 6to4 of RFC 3056.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotCalled(Exception):
    """The call was refused or failed. `code` is a word that says why and names nobody."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Answer(NamedTuple):
    """The status of an answer, whatever it is, its header Retry-After, and what was read of it."""

    status: int
    retry_after: str
    body: bytes = b""


class _Call(NamedTuple):
    method: str
    body: bytes | None
    headers: Mapping[str, str]
    most_read: int


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a body and return the status of the answer. Raises NotCalled as `send` does."""
    return send(url, body, headers).status


def send(
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    may_begin: Callable[[], bool] = lambda: True,
    method: str = "POST",
    most_read: int = 0,
) -> Answer:
    """Send a body and return what answered.

    `may_begin` is asked once the connection stands, right before the first byte of the request. Of
    the answer `most_read` bytes are read at most.
    Raises NotCalled for an address that may not be called, where nothing answers in time, and with
    the code `withheld` where the call may not begin.
    """
    parts = _read_url(url)
    try:
        with closing(_open(parts)) as plain:
            return _exchange(parts, plain, may_begin, _Call(method, body, headers, most_read))
    except (OSError, HTTPException, ValueError):
        raise NotCalled("no_answer") from None


def connect(host: str, port: int) -> socket.socket:
    """Return a connection for another protocol than HTTP, to an address that was checked.

    Whoever calls this has the other side prove who it is. Raises NotCalled.
    """
    try:
        address = _checked_address(host, port, is_trusted=is_trusted_host(host, port))
        return _open_socket(address, port)
    except (OSError, ValueError):
        raise NotCalled("no_answer") from None


def checked_address(host: str, port: int) -> str:
    """Return the address of a host for a driver that connects by itself. Raises NotCalled.

    Such a driver knows nothing of a proxy: where one is set, only trusted hosts are reached.
    """
    is_trusted = is_trusted_host(host, port)
    if settings.OUTGOING_PROXY and not is_trusted:
        raise NotCalled("refused_by_proxy")
    return _checked_address(host, port, is_trusted=is_trusted)


def is_trusted_host(host: str, port: int) -> bool:
    """Whether the settings allow this host and port without TLS, and among private addresses."""
    return f"{host}:{port}" in settings.OUTGOING_TRUSTED_HOSTS


def is_callable_url(url: str) -> bool:
    """Whether a URL is of a form that `post` calls; its name is not resolved."""
    try:
        _read_url(url)
    except NotCalled:
        return False
    return True


def host_of(url: str) -> str:
    """Return the host that a URL names, in lower case; empty where it names none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _read_url(url: str) -> SplitResult:
    is_plain = url.isascii() and url.isprintable() and " " not in url
    try:
        parts = urlsplit(url)
        is_plain = is_plain and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise NotCalled("not_a_url") from None
    if not is_plain or parts.username is not None or parts.fragment:
        raise NotCalled("not_a_url")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_trusted(parts)):
        raise NotCalled("not_https")
    return parts


def _is_trusted(parts: SplitResult) -> bool:
    """Whether the settings allow this host and port without TLS, and among private addresses."""
    return is_trusted_host(str(parts.hostname), _port(parts))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _checked_address(host: str, port: int, *, is_trusted: bool) -> str:
    addresses = list(dict.fromkeys(_resolve(host, port)))
    # One private address among public ones is an attempt, too.
    if not is_trusted and not all(is_public(address) for address in addresses):
        raise NotCalled("private_address")
    return addresses[0]


def _resolve(host: str, port: int) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotCalled("unknown_host") from None
    yield from (str(address[0]) for *_, address in found)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet, and no way to one that is not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if embedded is not None:
            return is_public(str(embedded))
        if ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


def _open(parts: SplitResult) -> socket.socket:
    host, port = str(parts.hostname), _port(parts)
    return _open_socket(_checked_address(host, port, is_trusted=_is_trusted(parts)), port)


def _exchange(
    parts: SplitResult, plain: socket.socket, may_begin: Callable[[], bool], call: _Call
) -> Answer:
    host, port = str(parts.hostname), _port(parts)
    # A server that sends a byte now and then would pass any time-out of single reads. Wrapping in
    # TLS takes the socket away, so that the timer has a handle of its own.
    with closing(plain.dup()) as handle:
        timer = Timer(WHOLE_SECONDS, _hang_up, [handle])
        timer.start()
        try:
            with closing(_connection(parts, host, port, plain)) as connection:
                if not may_begin():
                    raise NotCalled("withheld")
                target = parts._replace(scheme="", netloc="").geturl() or "/"
                connection.request(call.method, target, body=call.body, headers=dict(call.headers))
                response = connection.getresponse()
                retry_after = response.getheader("Retry-After") or ""
                return Answer(response.status, retry_after, response.read(call.most_read))
        finally:
            timer.cancel()


def _connection(parts: SplitResult, host: str, port: int, plain: socket.socket) -> HTTPConnection:
    """Return a connection over a socket that is open, in TLS where the address says so.

    The certificate must be of the name. Whatever fails closes the socket.
    """
    if parts.scheme == "http":
        connection = HTTPConnection(host, port)
        connection.sock = plain
        return connection
    tls = ssl.create_default_context()
    connection = HTTPSConnection(host, port, context=tls)
    try:
        connection.sock = tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    return connection


def _open_socket(address: str, port: int) -> socket.socket:
    """Connect to an address, by way of the proxy where one is set."""
    if not settings.OUTGOING_PROXY:
        return socket.create_connection((address, port), CONNECT_SECONDS)
    proxy = urlsplit(settings.OUTGOING_PROXY)
    opened = socket.create_connection((proxy.hostname, proxy.port or 3128), CONNECT_SECONDS)
    try:
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", *_proxy_credentials(proxy)]
        opened.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        if _read_proxy_answer(opened).split(b" ")[1:2] != [b"200"]:
            raise NotCalled("refused_by_proxy")
    except BaseException:
        opened.close()
        raise
    return opened


def _proxy_credentials(proxy: SplitResult) -> list[str]:
    if proxy.username is None:
        return []
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return [f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}"]


def _read_proxy_answer(opened: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # A byte at a time: what follows the empty line is of the server behind it.
        piece = opened.recv(1)
        if not piece or len(answer) >= MAX_PROXY_ANSWER:
            raise NotCalled("refused_by_proxy")
        answer += piece
    return answer


def _hang_up(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
