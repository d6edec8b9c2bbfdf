"""Celery's settings: late acknowledgement, one message at a time, and a soft stop that lets a transaction finish."""

from django.conf import settings

broker_url = settings.BROKER_URL
broker_connection_retry_on_startup = True
# A nudge that cannot be sent at once is not worth waiting for: the sweep finds the rows.
broker_transport_options = {
    "visibility_timeout": 3600,
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
task_publish_retry = False
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1
worker_soft_shutdown_timeout = 10.0
worker_enable_soft_shutdown_on_idle = True
worker_send_task_events = False
worker_hijack_root_logger = False
task_default_queue = "default"
task_routes = {
    "ingestion.*": {"queue": "ingestion"},
    "segments.*": {"queue": "segments"},
    "consent.*": {"queue": "privacy"},
}
timezone = "UTC"
beat_schedule = {
    "sweep-inbox": {"task": "ingestion.drain_inbox", "schedule": 3.0, "options": {"expires": 3.0}},
    "sweep-changes": {
        "task": "segments.refresh_changed",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    "refresh-due": {"task": "segments.refresh_due", "schedule": 60.0, "options": {"expires": 60.0}},
    "resume-rebuilds": {
        "task": "segments.resume_rebuilds",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "verify-segments": {"task": "segments.verify", "schedule": 86_400.0},
    "make-partitions": {"task": "profiles.make_partitions", "schedule": 86_400.0},
    "act-on-privacy-requests": {
        "task": "consent.act_on_requests",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "verify-consent-states": {"task": "consent.verify_states", "schedule": 86_400.0},
    "remove-expired-archives": {"task": "consent.remove_expired", "schedule": 3600.0},
}
