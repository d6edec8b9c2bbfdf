"""Programs that tests start, each with an environment and a data directory of its own."""

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
# A program that joins the embedded servers and leaves them when its stdin ends.
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
    """Make a temporary directory, with a space in its name, that other system users can enter."""
    # Not one of pytest's, which are below a directory that every run of pytest closes to others.
    path = Path(tempfile.mkdtemp(prefix="tessera tests "))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def environment(data_directory: Path, **more: str) -> dict[str, str]:
    """Return an environment for a program on its own data directory."""
    # Nothing more of the environment of the tests, since that may have the URLs of servers.
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {"DATA_DIR": str(data_directory)} | more


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
    """Start a program, in a process group of its own as a shell does."""
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
    # A script starts background jobs with SIGINT ignored, and children of the tests inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_member(data_directory: Path) -> subprocess.Popen[str]:
    """Start a process and wait until it has joined the embedded servers."""
    member = start_python(data_directory, "-c", MEMBER)
    assert member.stdout is not None
    line = member.stdout.readline()
    assert line == "joined\n", line + member.stdout.read()
    return member


def end(program: subprocess.Popen[str]) -> int:
    """Let a member leave, and wait until it has."""
    program.communicate(timeout=30)
    return program.returncode


def end_all(data_directory: Path) -> None:
    """Kill all processes of a data directory, and close the pipes to the started programs."""
    for pid in running(data_directory):
        with contextlib.suppress(ProcessLookupError):
            kill(pid)
    while _started:
        with _started.pop() as program:
            program.wait(30)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def running(data_directory: Path) -> dict[int, str]:
    """Return the command lines of the processes that belong to a data directory, by PID."""
    marks = (
        f"DATA_DIR={data_directory}\0",
        f"{data_directory}/",
        str(socket_directory(data_directory)),
    )
    commands = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            command, variables = _read(entry / "cmdline"), _read(entry / "environ")
            if command and any(mark in variables + command for mark in marks):
                commands[int(entry.name)] = command.replace("\0", " ")
    return commands


def main_process(data_directory: Path, word: str) -> int:
    """Return the PID of the process whose command line has the word, or 0.

    Of a parent and its children it is the parent.
    """
    matching = {pid for pid, command in running(data_directory).items() if word in command}
    mains = [pid for pid in matching if _parent(pid) not in matching]
    return mains[0] if mains else 0


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
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
