"""The load of the demo, as a process beside the site that serves already."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from django.conf import settings

from config.runtime.supervision.tied import PARENT_VARIABLE

LAUNCHER = settings.BASE_DIR / "config" / "runtime" / "supervision" / "tied.py"


class DemoLoad:
    """A running `manage.py load_demo`, whose progress is printed where serve prints."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._is_stopped = threading.Event()
        # In a process group of its own: Ctrl-C must reach serve alone.
        self._child = subprocess.Popen(
            [sys.executable, str(LAUNCHER), sys.executable, "manage.py", "load_demo"],
            cwd=settings.BASE_DIR,
            env=os.environ | {PARENT_VARIABLE: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End the load, which the next start goes on with, and wait until it has ended."""
        self._is_stopped.set()
        self._child.terminate()
        self._watcher.join()

    def _watch(self) -> None:
        if self._child.wait() and not self._is_stopped.is_set():
            self._say("The demo is not loaded whole, for the reason above; the next start goes on.")
