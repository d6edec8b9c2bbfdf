"""Settings of gunicorn: steady sync workers; a worker ends with its master, or it would keep the port."""

import os
import signal

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from config.env import env_int
from config.runtime.listening import listening_address
from config.runtime.supervision.tied import end_with_parent

bind = str(listening_address())
workers = env_int("WEB_WORKERS", max(2, min(4, os.cpu_count() or 1)), minimum=1)
worker_class = "sync"
timeout = 60
graceful_timeout = 10
loglevel = "warning"
# The control socket would lie in the home directory, one for all that this user runs.
control_socket_disable = True


def post_fork(_server: Arbiter, _worker: Worker) -> None:
    end_with_parent(signal.SIGTERM)
