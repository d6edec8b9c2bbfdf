"""The supervisor, as a child process of serve.

Invariant: when `supervise` returns, the supervisor and all programs that it started have ended.
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
# A supervisor that ends sooner than this would end again after a restart.
MIN_LIFE_SECONDS = 5


class Supervisor:
    """A running supervisord, which is started again when it dies."""

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
        """Ask the supervisor to end; `wait` returns once it has."""
        # One signal is enough, however often Ctrl-C is pressed.
        if not self._stopping.is_set():
            self._stopping.set()
            self._child.terminate()

    def wait(self) -> None:
        """Wait until the supervisor was stopped and has ended.

        Raises StartError if it cannot be kept running.
        """
        while True:
            started_at = time.monotonic()
            self._child.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started_at < MIN_LIFE_SECONDS:
                raise StartError(f"the supervisor ended; see {settings.DATA_DIR}/log.")
            self._child = self._start()
            # A signal during the start has reached the old child only.
            if self._stopping.is_set():
                self._child.terminate()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            PARENT_VARIABLE: str(os.getpid()),
            "TESSERA_PYTHON": sys.executable,
            "TESSERA_WORKERS": str(settings.WORKER_PROCESSES),
            "TESSERA_DATA": str(settings.DATA_DIR),
            "TESSERA_EMBEDDED": str(
                settings.USES_EMBEDDED_DATABASE or settings.USES_EMBEDDED_BROKER
            ).lower(),
        }
        launcher = [sys.executable, str(LAUNCHER)]
        supervisord = [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)]
        with (settings.DATA_DIR / "log" / "supervisor-output.log").open("ab") as output:
            # The lock is its stdin, which it never reads, so that it is held while either lives.
            return subprocess.Popen(
                launcher + supervisord,
                stdin=self._lock,
                stdout=output,
                stderr=output,
                cwd=settings.BASE_DIR,
                env=environment,
                # Ctrl-C at the terminal must reach serve alone, which stops the programs in order.
                process_group=0,
            )


def supervise(address: Address, *, lock: int, say_running: Callable[[], None]) -> None:
    """Run all programs until a stop signal, and return when all of them have ended.

    `say_running` is called once the web server answers, or after a minute if it does not. Raises
    StartError if the supervisor cannot be kept running.
    """
    supervisor = Supervisor(lock)
    for number in STOP_SIGNALS:
        # nohup ignores SIGHUP, so that the terminal may close.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: supervisor.stop())
    deadline = time.monotonic() + ANSWER_SECONDS
    while supervisor.is_running() and not address.answers() and time.monotonic() < deadline:
        time.sleep(0.2)
    if supervisor.is_running() and not supervisor.is_stopping:
        say_running()
    supervisor.wait()
