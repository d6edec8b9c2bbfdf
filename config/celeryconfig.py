"""Settings of Celery, and the schedule of beat."""

from django.conf import settings

broker_url = settings.BROKER_URL
broker_connection_retry_on_startup = True
# A nudge that cannot be sent at once is not worth waiting for: the sweep below finds the rows.
broker_transport_options = {
    # An unacknowledged task is delivered again after an hour. Leases find lost work much sooner.
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
# A task that was killed is delivered again, since every task may run twice.
task_acks_late = True
task_reject_on_worker_lost = True
# A prefetched task would wait behind a long one while other workers have nothing to do.
worker_prefetch_multiplier = 1
# Lets a running transaction finish before the worker gives its tasks back.
worker_soft_shutdown_timeout = 10.0
worker_enable_soft_shutdown_on_idle = True
worker_send_task_events = False
worker_hijack_root_logger = False
task_default_queue = "default"
task_routes = {
    "ingestion.*": {"queue": "ingestion"},
    # Calls to others wait for them, which refreshes must not.
    "segments.deliver": {"queue": "default"},
    "segments.send_automation_mails": {"queue": "default"},
    "segments.*": {"queue": "segments"},
    "consent.*": {"queue": "privacy"},
    # Runs of minutes, which nothing waits for.
    "matching.*": {"queue": "matching"},
}
timezone = "UTC"
# The schedules are in seconds. Sweeps expire when the next one is due, so that they do not pile up
# while no worker runs.
beat_schedule = {
    "sweep-inbox": {"task": "ingestion.drain_inbox", "schedule": 3.0, "options": {"expires": 3.0}},
    "read-imports": {
        "task": "ingestion.read_imports",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "read-sql-sources": {
        "task": "ingestion.read_sql_sources",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "fold-schema": {
        "task": "ingestion.fold_schema",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "expire-imports": {"task": "ingestion.expire_imports", "schedule": 86_400.0},
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
    "stop-silent-exports": {"task": "segments.stop_silent_exports", "schedule": 60.0},
    "deliver": {"task": "segments.deliver", "schedule": 3.0, "options": {"expires": 3.0}},
    "derive-told": {
        "task": "segments.derive_told",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "advance-automations": {
        "task": "segments.advance_automations",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "start-by-date": {
        "task": "segments.start_by_date",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "send-automation-mails": {
        "task": "segments.send_automation_mails",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "keep-webhooks": {"task": "segments.keep_webhooks", "schedule": 300.0},
    "give-to-journal": {
        "task": "consent.give_to_journal",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "verify-segments": {"task": "segments.verify", "schedule": 86_400.0},
    "make-partitions": {"task": "profiles.make_partitions", "schedule": 86_400.0},
    "apply-identity-rules": {
        "task": "profiles.apply_rules",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "prune-counts": {"task": "ingestion.prune_counts", "schedule": 86_400.0},
    "propose-matches": {
        "task": "matching.propose",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "measure-identity-health": {"task": "profiles.measure_health", "schedule": 86_400.0},
    "set-special-apart": {"task": "profiles.set_special_apart", "schedule": 86_400.0},
    "prune-audit": {"task": "profiles.prune_audit", "schedule": 86_400.0},
    "clear-sessions": {"task": "profiles.clear_sessions", "schedule": 86_400.0},
    "act-on-privacy-requests": {
        "task": "consent.act_on_requests",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "send-callbacks": {
        "task": "consent.send_callbacks",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "tell-of-deadlines": {"task": "consent.tell_of_deadlines", "schedule": 86_400.0},
    "verify-consent-states": {"task": "consent.verify_states", "schedule": 86_400.0},
    "seal-ledger": {"task": "consent.seal_ledger", "schedule": 60.0},
    "prune-ledger": {"task": "consent.prune_ledger", "schedule": 86_400.0},
    "sweep-traces-of-the-erased": {"task": "consent.sweep_traces", "schedule": 86_400.0},
    # Each hour, so that a run which was cut off goes on soon; there is one a day.
    "apply-retention": {"task": "consent.apply_retention", "schedule": 3600.0},
    "remove-expired-archives": {"task": "consent.remove_expired", "schedule": 3600.0},
}
