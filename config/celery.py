"""The Celery application of all processes, and what its workers do when they start.

Invariant: tasks carry ids only and the rows are the truth. Every task may run twice or be killed at
any line.
"""

import gc
import os
import signal
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, celeryd_init, task_prerun, worker_process_init

from config.runtime import embedded
from config.runtime.supervision.tied import end_with_parent
from profiles.lib.memory import forget_people

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Of these apps' tasks each shows, sends or takes in something of people; consent's do their wishes.
GATED_APPS = ("ingestion", "matching", "segments")


class GatedTask(Task):  # type: ignore[type-arg]  # it is not generic when it runs
    """A task that does nothing while a restored backup awaits the replay of the privacy journal.

    Nothing is lost by that: the rows are the truth, and sweeps find them afterwards.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Imported here: apps are not loaded where Celery is made.
        from consent.services import awaits_replay

        if self.name.partition(".")[0] in GATED_APPS and awaits_replay():
            return None
        return super().__call__(*args, **kwargs)


app = Celery("tessera", task_cls=GatedTask)
app.config_from_object("config.celeryconfig")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def join_servers(**_: object) -> None:
    """Join the embedded servers in workers and beat, not in processes that only send tasks."""
    with embedded.report_start_errors():
        embedded.join()


@beat_init.connect
def start_alarm(**_: object) -> None:
    """Let beat wake workers at the instants at which memberships change by time."""
    from config.runtime import alarm

    alarm.start_alarm()


@worker_process_init.connect
def prepare_worker_process(**_: object) -> None:
    """Prepare a forked worker process for work of its own."""
    from django.db import connections

    # The connection is the parent's. Two processes on one connection would mix up their answers.
    connections.close_all()
    # Killed with -9, the parent cannot end its children.
    end_with_parent(signal.SIGKILL)
    tune_garbage_collector()


@task_prerun.connect
def forget_before_a_task(**_: object) -> None:
    """Let no worker remember people for longer than ten minutes."""
    forget_people()


def tune_garbage_collector() -> None:
    """Let the cyclic collector run rarely and skip what is imported.

    A chunk of messages creates many objects and hardly a cycle, so that the default thresholds cost
    time and free nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
