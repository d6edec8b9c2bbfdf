"""`manage.py serve`: run everything on one machine, in the foreground.

Invariant: when it ends, by Ctrl-C or SIGTERM, every program that it started has ended.
"""

import signal
import sys
import time
from contextlib import ExitStack

from django.conf import settings
from django.core.management.base import BaseCommand

from config.env import env_bool
from config.runtime import embedded
from config.runtime.embedded import StartError
from config.runtime.first_run import ADMIN_NAME, lacks_demo, prepare, require_broker
from config.runtime.listening import Address, listening_address
from config.runtime.supervision.demo import DemoLoad
from config.runtime.supervision.run import supervise
from config.runtime.supervision.single import only_run

RUNNING = """
Tessera is running.
  site      {url}/
  admin     {url}/admin/
  API       {url}/api/docs/   (keys: manage.py create_api_key NAME --scopes "…")
  logs      {directory}/log
  mail      {directory}/mail"""
LOADING = """
Loading the demo, while the site serves (DEMO=0 starts with an empty store) …"""
TAKEN = (
    "cannot listen on {address}: {fault}. "
    "Stop what listens there, or name another port, such as PORT=8001."
)
# How long the system remembers the connections of a server that stopped.
ENDING_SECONDS = 70
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
        with ExitStack() as stack:
            # Before anything is started, so that a busy port leaves nothing behind, and until all
            # has ended: nobody else takes the address while the web server is started anew.
            self._hold(address, stack)
            embedded.join()
            require_broker()
            password = prepare()

            def say_running() -> None:
                self._say_running(password)
                if env_bool("DEMO", True) and lacks_demo():
                    self._say(LOADING)
                    stack.callback(DemoLoad(say=self._say).stop)

            supervise(address, lock=lock, say_running=say_running)
        # Not left to the exit handler: "Stopped." must be true when it is printed.
        embedded.leave()
        self._say("Stopped.")

    def _hold(self, address: Address, stack: ExitStack) -> None:
        deadline = time.monotonic() + ENDING_SECONDS
        while True:
            fault: object = address.bind_fault()
            if fault:
                raise StartError(TAKEN.format(address=address, fault=fault))
            try:
                stack.enter_context(address.held())
                return
            except OSError as error:
                fault = error.strerror
            # The last connections of another server, which stopped just now.
            if time.monotonic() > deadline:
                raise StartError(TAKEN.format(address=address, fault=fault))
            time.sleep(1)

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
