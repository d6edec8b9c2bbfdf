"""Programs that tests start, each with an environment and a data directory of its own, and what is left of them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.runtime.embedded import socket_directory

ROOT = Path(__file__).resolve().parents[2]
_started: list[subprocess.Popen[str]] = []
MEMBER = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from config.runtime import embedded
embedded.exit_on_signals()
embedded.join()
print("joined", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory, with a space in its name, that another system user can walk into. Not one of pytest's:
    every run of pytest closes the directory above those again."""
    path = Path(tempfile.mkdtemp(prefix="tessera tests "))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def environment(data_directory: Path, **more: str) -> dict[str, str]:
    """Nothing of the environment that the tests run in, which may name servers."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"DATA_DIR": str(data_directory)} | more


def run_python(
    data_directory: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(data_directory, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_python(data_directory: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """In a process group of its own, as a shell gives one to the program in the foreground."""
    program = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(data_directory, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        preexec_fn=_take_interrupts,
    )
    _started.append(program)
    return program


def _take_interrupts() -> None:
    """Where the tests run in the background of a script, SIGINT is ignored, and children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_member(data_directory: Path) -> subprocess.Popen[str]:
    """A process that has joined the embedded servers; it leaves when its stdin ends."""
    member = start_python(data_directory, "-c", MEMBER)
    assert member.stdout is not None
    said = member.stdout.readline()
    assert said == "joined\n", said + member.stdout.read()
    return member


def end(program: subprocess.Popen[str]) -> int:
    """Let a member leave, and wait until it has."""
    program.communicate(timeout=30)
    return program.returncode


def end_all(data_directory: Path) -> None:
    """After a test: kill what it left running, and close what it read from."""
    for pid in running(data_directory):
        with contextlib.suppress(ProcessLookupError):
            kill(pid)
    while _started:
        with _started.pop() as program:
            program.wait(30)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def running(data_directory: Path) -> dict[int, str]:
    """The processes that belong to a data directory, by their number, each with its command line."""
    marks = (
        f"DATA_DIR={data_directory}\0",
        f"{data_directory}/",
        str(socket_directory(data_directory)),
    )
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            command, variables = _read(entry / "cmdline"), _read(entry / "environ")
            if command and any(mark in variables + command for mark in marks):
                found[int(entry.name)] = command.replace("\0", " ")
    return found


def main_process(data_directory: Path, word: str) -> int:
    """The one whose command line has the word, or the parent of all that have it; 0 if there is none."""
    found = {pid for pid, command in running(data_directory).items() if word in command}
    mains = [pid for pid in found if _parent(pid) not in found]
    return mains[0] if mains else 0


def wait_until(holds: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _parent(pid: int) -> int:
    status = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(status[1]) if status else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
