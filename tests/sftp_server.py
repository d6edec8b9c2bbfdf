"""An SFTP server on this machine, over a folder: paramiko's own, with one user."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import paramiko
from django.conf import settings

USER, PASSWORD = "tessera", "s3cr3t"


class Door(paramiko.ServerInterface):
    """Lets the one user in, by the password or by a key."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        is_right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        is_right = username == USER and key.get_base64() == self.key.get_base64()
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Files(paramiko.SFTPServerInterface):
    """The folder, of which files can be written and renamed."""

    root = Path()

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            handle = paramiko.SFTPHandle(flags)
            place = self.root / path.lstrip("/")
            output = os.fdopen(os.open(place, flags, 0o600), "wb")
            handle.writefile = output  # type: ignore[attr-defined]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return handle

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        (self.root / oldpath.lstrip("/")).replace(self.root / newpath.lstrip("/"))
        return paramiko.SFTP_OK

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat((self.root / path.lstrip("/")).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)


@dataclass
class Server:
    """Where it listens, its key, and the key of the user."""

    port: int
    host_key: paramiko.PKey
    user_key: paramiko.PKey
    transports: list[paramiko.Transport] = field(default_factory=list)

    @property
    def public_key(self) -> str:
        return f"127.0.0.1 {self.host_key.get_name()} {self.host_key.get_base64()}"


@contextmanager
def serving_files(root: Path, host_key: paramiko.PKey, user_key: paramiko.PKey) -> Iterator[Server]:
    """Run the server, which may be connected to."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1], host_key, user_key)
    is_over = Event()
    files = type("FilesOfTest", (Files,), {"root": root})

    def serve() -> None:
        while not is_over.is_set():
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(plain)
            server.transports.append(transport)
            transport.add_server_key(host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            try:
                transport.start_server(server=Door(user_key))
            except (paramiko.SSHException, EOFError, OSError):
                transport.close()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    former = settings.OUTGOING_TRUSTED_HOSTS
    settings.OUTGOING_TRUSTED_HOSTS = [*former, f"127.0.0.1:{server.port}"]
    try:
        yield server
    finally:
        settings.OUTGOING_TRUSTED_HOSTS = former
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for transport in server.transports:
            transport.close()
