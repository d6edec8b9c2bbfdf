"""The project: settings, routes and the parts at run time.

The Celery application is made here, so that a nudge from any process finds it and not Celery's default one.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
