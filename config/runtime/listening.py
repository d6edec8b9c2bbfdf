"""The address at which the web server listens, by HOST and PORT."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.env import env_int, env_text

# How a process of this machine reaches a server that listens on all addresses.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, not bound)
HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class Address:
    """A host and a port of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def bind_fault(self) -> str | None:
        """Return why a server cannot listen here, or None if the address is free."""
        listener = self._socket()
        try:
            # As most servers do: one that stopped just now leaves connections in TIME_WAIT.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._place())
            listener.listen(1)
        except OSError as error:
            return error.strerror or str(error)
        finally:
            listener.close()
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the address from everybody else while the block runs, and also between two servers.

        Only a server of the same user that sets SO_REUSEPORT, as ours does, can listen here. Raises
        OSError where the address is taken.
        """
        holder = self._socket()
        try:
            # Bound and not listening: all connections go to the server. Without SO_REUSEADDR, by
            # which any server may share an address at which nobody listens yet.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(self._place())
            yield
        finally:
            holder.close()

    def _socket(self) -> socket.socket:
        family, kind, protocol, _, _ = self._resolved()
        return socket.socket(family, kind, protocol)

    def _place(self) -> Any:
        return self._resolved()[-1]

    def _resolved(self) -> tuple[Any, ...]:
        return socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]

    def answers(self) -> bool:
        """Return whether a web server answers here, whatever its status."""
        web = HTTPConnection(LOOPBACK.get(self.host, self.host), self.port, timeout=2)
        try:
            web.request("GET", "/healthz")
            web.getresponse().read()
        except (OSError, HTTPException):
            return False
        finally:
            web.close()
        return True


def listening_address() -> Address:
    """Read HOST and PORT, by default 127.0.0.1 and 8000.

    Raises ImproperlyConfigured for an impossible port.
    """
    port = env_int("PORT", 8000, minimum=1)
    if port > HIGHEST_PORT:
        raise ImproperlyConfigured(f"PORT must be at most {HIGHEST_PORT}.")
    return Address(env_text("HOST", "127.0.0.1"), port)
