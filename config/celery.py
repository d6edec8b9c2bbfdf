"""The Celery application: rows are the truth and messages are nudges, so any task may run twice or be killed anywhere."""

import gc
import os
import signal

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_process_init

from config.runtime import embedded
from config.runtime.supervision.tied import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("tessera")
app.config_from_object("config.celeryconfig")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def join_servers(**_: object) -> None:
    """A worker and a beat are entry points; a process that only sends tasks is not."""
    with embedded.explained():
        embedded.join()


@worker_process_init.connect
def settle_fork(**_: object) -> None:
    """A forked worker must not speak over its parent's database connection, nor outlive its parent."""
    from django.db import connections

    connections.close_all()
    end_with_parent(signal.SIGKILL)
    calm_collector()


def calm_collector() -> None:
    """Leave what is imported out of garbage collection and collect seldom: a chunk makes many objects and no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
