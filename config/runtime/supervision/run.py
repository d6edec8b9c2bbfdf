"""The supervisor as serve's child: started, started again should it die, and told to stop once.

Invariant: when `supervise` returns, the supervisor and all that it started have ended.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from config.runtime.embedded import StartError
from config.runtime.listening import Address
from config.runtime.supervision.tied import PARENT_VARIABLE

CONFIGURATION = Path(__file__).with_name("supervisord.conf")
LAUNCHER = Path(__file__).with_name("tied.py")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ANSWER_SECONDS = 60
# A supervisor that ends sooner than this will not do better the next time.
LEAST_LIFE_SECONDS = 5


class Supervisor:
    """supervisord, in the foreground of nothing: a terminal's Ctrl-C goes to serve alone."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._stopping = threading.Event()
        self._child = self._start()

    def is_running(self) -> bool:
        return self._child.poll() is None

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask it to end; `wait` returns once it has."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._child.terminate()

    def wait(self) -> None:
        """Until it was stopped and has ended. Raises StartError if it cannot be kept running."""
        while True:
            started_at = time.monotonic()
            self._child.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started_at < LEAST_LIFE_SECONDS:
                raise StartError(f"the supervisor ended; see {settings.DATA_DIR}/log.")
            self._child = self._start()
            if self._stopping.is_set():
                self._child.terminate()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            PARENT_VARIABLE: str(os.getpid()),
            "TESSERA_PYTHON": sys.executable,
            "TESSERA_DATA": str(settings.DATA_DIR),
            "TESSERA_EMBEDDED": str(
                settings.USES_EMBEDDED_DATABASE or settings.USES_EMBEDDED_BROKER
            ).lower(),
        }
        tied = [sys.executable, str(LAUNCHER)]
        supervisord = [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)]
        with (settings.DATA_DIR / "log" / "supervisor-output.log").open("ab") as output:
            # The lock as its stdin, which it never reads: so the lock lasts as long as the longer lived of both.
            return subprocess.Popen(
                tied + supervisord,
                stdin=self._lock,
                stdout=output,
                stderr=output,
                cwd=settings.BASE_DIR,
                env=environment,
                process_group=0,
            )


def supervise(address: Address, *, lock: int, say_running: Callable[[], None]) -> None:
    """Run everything until a signal says stop, and until all of it has ended. Raises StartError."""
    supervisor = Supervisor(lock)
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: supervisor.stop())
    deadline = time.monotonic() + ANSWER_SECONDS
    while supervisor.is_running() and not address.answers() and time.monotonic() < deadline:
        time.sleep(0.2)
    if supervisor.is_running() and not supervisor.is_stopping:
        say_running()
    supervisor.wait()
