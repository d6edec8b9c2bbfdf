"""What is held outside the models of the four apps: tables of other packages, files, Valkey.

Invariant: whatever a running product writes stands here with its lifetime, or in an app's
declarations. Tests look into a real data directory and a real Valkey.
"""

from profiles.registry import registry

registry.exempt_foreign_tables(
    {
        "auth_group": "Roles of staff.",
        "auth_group_permissions": "What roles may do.",
        "auth_permission": "Names of permissions.",
        "auth_user": "Staff, for as long as they work here.",
        "auth_user_groups": "The roles that staff have, as long as their accounts.",
        "auth_user_user_permissions": "What single accounts may do, as long as they exist.",
        "django_admin_log": "Empty: audit entries take its place.",
        "django_content_type": "Names of models.",
        "django_migrations": "Names of migrations.",
        "otp_static_staticdevice": "That an account of staff has recovery codes.",
        "otp_static_statictoken": "Recovery codes of staff, until they are used.",
        "otp_totp_totpdevice": "The authenticators of staff, as long as their accounts.",
        "django_session": "Sessions of staff, until they end.",
    }
)

# By the beginning of an entry of DATA_DIR.
FOLDERS = {
    "beat-schedule": "When the beat last sent each task.",
    "imports": "Files while they are read. What a killed worker leaves goes in a day.",
    "log": "Logs without personal data: ids, counts, types of errors. 40 MB for each program.",
    "mail": "Mails, where no mail server is configured. An erasure deletes those of the person.",
    "postgres": "The database, which the tables above and the apps' declarations describe.",
    "secrets": "The keys of this installation.",
    "serve.lock": "Which process serves.",
    "special-keys": "The keys of special traits, by identifier. An erasure deletes the person's.",
    "start.lock": "Held while the servers start.",
    "static": "Style sheets and scripts.",
    "supervisord.pid": "The supervisor's process id.",
    "users.lock": "Which processes use the servers.",
}
# By the beginning of a key in Valkey, of the cache and of the queue.
VALKEY_PREFIXES = {
    "nudge:": "Whether a worker was woken. One second.",
    "demo:": "How many messages of the demo are loaded. Ten minutes.",
    "throttle:": "How often somebody tried; keyed digests. A day at most.",
    "rate:": "Messages of one write key in one minute. Two minutes.",
    "_kombu.": "Names of queues.",
    "celery": "Results of tasks, which are counts. A day.",
    "unacked": "Messages that a worker has under way.",
    "default": "Queued tasks, which have no arguments but ids of configuration.",
    "ingestion": "Queued tasks, likewise.",
    "privacy": "Queued tasks, likewise.",
    "segments": "Queued tasks, likewise.",
}
