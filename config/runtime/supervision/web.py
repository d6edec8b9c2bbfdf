"""Settings of gunicorn."""

import os
import signal

from config.env import env_int
from config.runtime.listening import listening_address
from config.runtime.supervision.tied import end_with_parent

bind = str(listening_address())
# `manage.py serve` keeps the address for this server, also while it is started anew.
reuse_port = True
workers = env_int("WEB_WORKERS", max(2, min(4, os.cpu_count() or 1)), minimum=1)
# Threads, so that a few clients that send slowly do not keep all workers from answering. On two
# cores they accept as many requests as processes without threads: 260 to 300 a second, of 50
# messages each, against 250 to 275.
threads = env_int("WEB_THREADS", 8, minimum=2)
worker_class = "config.runtime.slow_clients.TimedThreadWorker"
timeout = 60
graceful_timeout = 10
loglevel = "warning"
# The control socket would lie in the home directory, one for everything that this user runs.
control_socket_disable = True


def post_fork(_arbiter: object, _worker: object) -> None:
    """Let a worker end with its master; otherwise it would keep the port."""
    end_with_parent(signal.SIGTERM)
