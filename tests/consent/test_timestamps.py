"""Time stamps of the ledger's head, by a real authority on this machine: OpenSSL's."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.core.management import CommandError, call_command

from consent.services import record
from tests.consent.inputs import consent_input
from tests.factories import make_profile, make_purpose

OPENSSL = shutil.which("openssl") or ""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not OPENSSL, reason="The openssl command is not there."),
]
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
"""


class Authority:
    """A time-stamping authority, and the certificate that its answers lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status = 200
        (folder / "serial").write_text("01\n")
        (folder / "config").write_text(CONFIG.format(folder=folder))
        self.roots = folder / "roots.pem"
        _write_certificates(folder)

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        command = [OPENSSL, "ts", "-reply", "-config", "config", "-queryfile", "query"]
        command += ["-signer", "signer.pem", "-inkey", "key.pem", "-out", "answer"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer").read_bytes()


def _write_certificates(folder: Path) -> None:
    """Write a root, and a signer of its own as RFC 3161 wants it: for time stamps alone."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Root of tests")
    root = _built(root_name, root_name, root_key, root_key, is_root=True)
    signer = _built(_name("Authority of tests"), root_name, key, root_key, is_root=False)
    (folder / "roots.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (folder / "signer.pem").write_bytes(signer.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _built(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_root: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    (tmp_path / "authority").mkdir()
    made = Authority(tmp_path / "authority")

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            answer = made.answer(query) if made.status == 200 else b""
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever)
    thread.start()
    host = f"127.0.0.1:{server.server_port}"
    settings.OUTGOING_TRUSTED_HOSTS = [host]
    settings.TIMESTAMP_URL, settings.TIMESTAMP_ROOTS = f"http://{host}/", str(made.roots)
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stamped(path: Path, capsys: Any) -> str:
    """Have the head stamped into a file; return the head."""
    call_command("ledger_head", timestamp=path)
    return capsys.readouterr().out.strip()


def test_a_stamp_shows_by_when_the_head_was_what_it_is(
    authority: Authority, tmp_path: Path, capsys: Any
) -> None:
    make_purpose()
    record(consent_input(make_profile("user_id:1")))
    stamp = tmp_path / "head.tsr"
    head = stamped(stamp, capsys)
    call_command("verify_ledger", f"--head={head}", f"--timestamp={stamp}")
    said = capsys.readouterr().out.splitlines()[0]
    at = datetime.fromisoformat(said.removeprefix(f"{head} was the head by ").rstrip("."))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    # Anybody can check it without us.
    (tmp_path / "words").write_text(head)
    command = [OPENSSL, "ts", "-verify", "-data", "words", "-in", str(stamp)]
    command += ["-CAfile", str(authority.roots), "-untrusted", str(authority.folder / "signer.pem")]
    assert b"OK" in subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout


def test_a_stamp_of_another_head_or_by_somebody_else_is_refused(
    authority: Authority, tmp_path: Path, capsys: Any, settings: Any
) -> None:
    stamp = tmp_path / "head.tsr"
    first = stamped(stamp, capsys)
    make_purpose()
    record(consent_input(make_profile("user_id:1")))
    second = stamped(tmp_path / "other.tsr", capsys)
    assert second != first
    with pytest.raises(CommandError, match="no time stamp of this head"):
        call_command("verify_ledger", f"--head={second}", f"--timestamp={stamp}")
    (tmp_path / "else").mkdir()
    settings.TIMESTAMP_ROOTS = str(Authority(tmp_path / "else").roots)
    with pytest.raises(CommandError, match="no time stamp of this head"):
        call_command("verify_ledger", f"--head={first}", f"--timestamp={stamp}")
    stamp.write_bytes(b"nonsense")
    with pytest.raises(CommandError, match="no time stamp of this head"):
        call_command("verify_ledger", f"--head={first}", f"--timestamp={stamp}")


def test_without_an_authority_or_its_roots_nothing_is_written(
    authority: Authority, tmp_path: Path, settings: Any
) -> None:
    stamp = tmp_path / "head.tsr"
    authority.status = 503
    with pytest.raises(CommandError, match="answered 503"):
        call_command("ledger_head", timestamp=stamp)
    settings.OUTGOING_TRUSTED_HOSTS = []
    with pytest.raises(CommandError, match="not reached"):
        call_command("ledger_head", timestamp=stamp)
    settings.TIMESTAMP_URL = ""
    with pytest.raises(CommandError, match="TIMESTAMP_URL"):
        call_command("ledger_head", timestamp=stamp)
    assert not stamp.exists()
