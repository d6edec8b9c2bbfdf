"""A server by SFTP: files of what changed since the last."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO

import paramiko
from django.utils.translation import gettext_lazy as _

from profiles.lib.outgoing import NotCalled, connect
from segments.activation.destinations.exchange import CallFailed, Exchange
from segments.activation.destinations.files import File, file_tool
from segments.activation.destinations.tools import Setting
from segments.activation.outcomes import Outcome

SECONDS = 15
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


def _save(exchange: Exchange, file: File) -> None:
    """Put a file under its name once it is whole. Raises CallFailed."""
    folder = exchange.settings["folder"].rstrip("/")
    try:
        with _session(exchange) as session:
            exchange.begin()
            part = f"{folder}/.{file.name}"
            with session.open(part, "wb") as output:
                output.write(file.content)
            session.posix_rename(part, f"{folder}/{file.name}")
    except NotCalled as error:
        raise _failed(error.code) from None
    except (paramiko.SSHException, OSError, EOFError):
        raise _failed("not_written") from None


@contextmanager
def _session(exchange: Exchange) -> Iterator[paramiko.SFTPClient]:
    """Connect to the server, if it is the one whose key is known."""
    settings = exchange.settings
    plain = connect(settings["host"], int(settings["port"]))
    with closing(plain), closing(paramiko.Transport(plain)) as transport:
        transport.banner_timeout = transport.auth_timeout = SECONDS
        transport.start_client(timeout=SECONDS)
        if transport.get_remote_server_key().get_base64() not in settings["host_key"].split():
            raise _failed("other_host_key")
        _authenticate(transport, settings["user"], exchange.credentials["secret"])
        session = paramiko.SFTPClient.from_transport(transport)
        if session is None:
            raise _failed("no_sftp")
        with closing(session):
            channel = session.get_channel()
            if channel is not None:
                channel.settimeout(SECONDS)
            yield session


def _authenticate(transport: paramiko.Transport, user: str, secret: str) -> None:
    try:
        if secret.startswith("-----BEGIN"):
            transport.auth_publickey(user, _private_key(secret))
        else:
            transport.auth_password(user, secret)
    except paramiko.AuthenticationException:
        raise _failed("not_signed_in") from None


def _private_key(text: str) -> paramiko.PKey:
    for kind in _KEYS:
        try:
            key: paramiko.PKey = kind.from_private_key(StringIO(f"{text}\n"))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        return key
    raise _failed("unusable_key")


def _fault_of_port(text: str) -> str:
    is_port = text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65_536
    return "" if is_port else "A number from 1 to 65535."


def _failed(fault: str) -> CallFailed:
    return CallFailed(Outcome(None, fault, is_general=True))


TOOL = file_tool(
    key="sftp",
    title=_("Files on a server (SFTP)"),
    settings=(
        Setting(name="host", label=_("Host")),
        Setting(name="port", label=_("Port"), default="22", fault_of=_fault_of_port),
        Setting(name="host_key", label=_("Public key of the host"), is_long=True),
        Setting(name="user", label=_("User name")),
        Setting(name="secret", label=_("Password or private key"), is_secret=True, is_long=True),
        Setting(name="folder", label=_("Name of the folder"), default="."),
    ),
    save=_save,
)
