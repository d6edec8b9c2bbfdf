"""Settings of gunicorn."""

import os
import signal

from django.conf import settings

from config.runtime.listening import listening_address
from config.runtime.supervision.tied import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
bind = str(listening_address())
# `manage.py serve` keeps the address for this server, also while it is started anew.
reuse_port = True
workers = settings.WEB_WORKERS
# Threads, so that a few clients that send slowly do not keep all workers from answering.
threads = settings.WEB_THREADS
worker_class = "config.runtime.slow_clients.TimedThreadWorker"
timeout = 60
graceful_timeout = 10
loglevel = "warning"
# The control socket would lie in the home directory, one for everything that this user runs.
control_socket_disable = True


def post_fork(_arbiter: object, _worker: object) -> None:
    """Let a worker end with its master; otherwise it would keep the port."""
    end_with_parent(signal.SIGTERM)
