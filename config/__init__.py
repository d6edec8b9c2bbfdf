"""The project: settings, routes and the parts at run time."""

# Imported by every process, so that all of them send tasks by this Celery application. Otherwise
# Celery would use a default application, which knows no broker.
from config.celery import app as celery_app

__all__ = ["celery_app"]
