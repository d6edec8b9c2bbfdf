"""`manage.py serve`: run everything on one machine, in the foreground.

Invariant: when it ends, by Ctrl-C or SIGTERM, every program that it started has ended.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import BaseCommand

from config.env import env_bool
from config.runtime import embedded
from config.runtime.embedded import StartError
from config.runtime.first_run import ADMIN_NAME, prepare, require_broker
from config.runtime.listening import Address, listening_address
from config.runtime.supervision.run import supervise
from config.runtime.supervision.single import only_run

RUNNING = """
Tessera is running.
  site      {url}/
  admin     {url}/admin/
  API       {url}/api/docs/   (keys: manage.py create_api_key NAME --scopes "…")
  logs      {directory}/log
  mail      {directory}/mail"""
FIRST_ADMIN = "  sign in   {name}, password {password} (shown only now)"


class Command(BaseCommand):
    help = "Runs everything: embedded servers, web, worker and beat. HOST, PORT, DEMO, DATA_DIR."

    def handle(self, *_: object, **__: object) -> None:
        embedded.exit_on_signals()
        # A shell starts background jobs with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        address = listening_address()
        with only_run(settings.DATA_DIR, say=self._say) as lock:
            try:
                self._run(address, lock)
            except KeyboardInterrupt:
                sys.exit("Stopped before everything was started; the next start goes on.")

    def _run(self, address: Address, lock: int) -> None:
        # Before anything is started, so that a busy port leaves nothing behind. The first start
        # takes minutes, in which nobody else may take the address.
        with self._held(address):
            embedded.join()
            require_broker()
            password = prepare(with_demo=env_bool("DEMO", True), say=self._say)
        supervise(address, lock=lock, say_running=lambda: self._say_running(password))
        # Not left to the exit handler: "Stopped." must be true when it is printed.
        embedded.leave()
        self._say("Stopped.")

    @contextmanager
    def _held(self, address: Address) -> Iterator[None]:
        if fault := address.bind_fault():
            raise StartError(f"cannot listen on {address}: {fault}; PORT names another.")
        with address.held():
            yield

    def _say_running(self, password: str | None) -> None:
        url = settings.PUBLIC_URL.rstrip("/")
        self._say(RUNNING.format(url=url, directory=settings.DATA_DIR))
        if password:
            self._say(FIRST_ADMIN.format(name=ADMIN_NAME, password=password))
        self._say("Ctrl-C stops all of it.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        # Into a file or pipe, Python would keep the line until its buffer is full.
        self.stdout.flush()
