"""Settings of Tessera. Everything that differs between machines comes from the environment."""

import os
from pathlib import Path

from config.env import (
    env_bool,
    env_broker,
    env_colour,
    env_database,
    env_email,
    env_int,
    env_int_within,
    env_list,
    env_owner,
    env_picture,
    env_rate,
    env_secret,
    env_text,
    env_time_zone,
)
from config.http.tags import TAGS
from config.runtime.embedded import socket_directory
from config.site.theme import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_text("DATA_DIR", str(BASE_DIR / "var"))).absolute()
SECRETS_DIR = DATA_DIR / "secrets"

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_secret("SECRET_KEY", SECRETS_DIR)
# Separate keys: rotating SECRET_KEY must not make the store forget seen messages or erased people.
DEDUPLICATION_KEY = env_secret("DEDUPLICATION_KEY", SECRETS_DIR)
SUPPRESSION_KEY = env_secret("SUPPRESSION_KEY", SECRETS_DIR)
# Seals addresses that may not be stored, from the request of a mail to the link in it.
ADDRESS_KEY = env_secret("ADDRESS_KEY", SECRETS_DIR)
# Signs receipts, whose public keys are served; those of before a rotation stay among them.
SIGNING_KEY = env_secret("SIGNING_KEY", SECRETS_DIR)
RETIRED_SIGNING_KEYS = env_list("RETIRED_SIGNING_KEYS", [])
# Keys before a rotation, the oldest first. Suppressions made with them stay in force.
RETIRED_SUPPRESSION_KEYS = env_list("RETIRED_SUPPRESSION_KEYS", [])
# The certificate of OpenDSR and its key, as PEM; those of before a rotation are served on. Without
# them one is made that is signed by itself.
OPENDSR_KEY_FILE = env_text("OPENDSR_KEY_FILE")
OPENDSR_CERTIFICATE_FILE = env_text("OPENDSR_CERTIFICATE_FILE")
RETIRED_OPENDSR_CERTIFICATE_FILES = env_list("RETIRED_OPENDSR_CERTIFICATE_FILES", [])
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])
# Whose customers they are: on the pages and in the mails for them.
COMPANY_NAME = env_text("COMPANY_NAME", "Tessera")
# The path of a picture (SVG, PNG, WebP, JPEG), and a colour such as #0b6b70.
COMPANY_LOGO = env_picture("COMPANY_LOGO")
COMPANY_COLOUR = env_colour("COMPANY_COLOUR")
# The company's own pages on which customers may choose what they allow, such as
# https://shop.example.org.
CORS_ALLOWED_ORIGINS = env_list("PRIVACY_EMBED_ORIGINS", [])
CORS_URLS_REGEX = r"^/api/v1/privacy/me/(session|permissions|consents)/$"
CORS_ALLOW_METHODS = ["GET", "POST"]
CORS_ALLOW_HEADERS = ["authorization", "content-type"]
OTP_TOTP_ISSUER = COMPANY_NAME
# Staff without a second factor must set one up before they see anything.
REQUIRE_SECOND_FACTOR = env_bool("REQUIRE_SECOND_FACTOR", False)
PUBLIC_URL = env_text("PUBLIC_URL", f"http://localhost:{env_int('PORT', 8000, minimum=1)}")
# HOST:PORT that may be called without TLS and among private addresses, such as those of tests.
OUTGOING_TRUSTED_HOSTS = env_list("OUTGOING_TRUSTED_HOSTS", [])
# The proxy by which webhooks and callbacks leave, as http://user:password@host:port.
OUTGOING_PROXY = env_text("OUTGOING_PROXY")
# The site under which other companies' systems pass requests on; its host is in the certificate.
OPENDSR_URL = env_text("OPENDSR_URL", PUBLIC_URL)
# How long such a request can be cancelled before it is taken up.
OPENDSR_PENDING_SECONDS = env_int("OPENDSR_PENDING_SECONDS", 300)
# 0 takes requests without a regulation for ones under the GDPR.
OPENDSR_STRICT = env_bool("OPENDSR_STRICT", True)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "profiles",
    "consent",
    "ingestion",
    "segments",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.http.headers.never_stored",
    "config.http.headers.ContentPolicy",
    "config.http.problems.no_nul_in_addresses",
    "config.http.restored.refuse_until_replayed",
    "ingestion.api.cors.cross_origin",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.http.languages.StaffLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.http.parts.log_in_on_a_whole_page",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "config.http.second_factor.require_second_factor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps': one template of Unfold is replaced.
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Without a URL, config.runtime.embedded runs the server, on a socket in SOCKET_DIR.
USES_EMBEDDED_DATABASE = not env_text("DATABASE_URL")
USES_EMBEDDED_BROKER = not env_text("BROKER_URL")
# What people asked for, outside of the database and its backups, so that a restored backup cannot
# undo it; all machines need the same file. "none" keeps none.
PRIVACY_JOURNAL = env_text(
    "PRIVACY_JOURNAL", str(DATA_DIR / "privacy-journal.jsonl") if USES_EMBEDDED_DATABASE else "none"
)
if PRIVACY_JOURNAL == "none":
    PRIVACY_JOURNAL = ""
SOCKET_DIR = socket_directory(DATA_DIR)

DATABASES = {
    "default": env_database("DATABASE_URL")
    or {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "tessera",
        "USER": "tessera_app",
        "PASSWORD": env_secret("POSTGRES_APP_PASSWORD", SECRETS_DIR),
        "HOST": str(SOCKET_DIR),
    }
}
APPLICATION_ROLE = DATABASES["default"].get("USER", "")
# Who migrates and owns the ledger of consents, so that the application cannot change it: what the
# connection has otherwise then. Empty: the application owns everything.
DATABASE_OWNER = (
    {"USER": "tessera", "PASSWORD": env_secret("POSTGRES_PASSWORD", SECRETS_DIR)}
    if USES_EMBEDDED_DATABASE
    else env_owner("MIGRATE_DATABASE_URL", APPLICATION_ROLE)
)
# A URL may set any of these options itself, so they are only defaults. Ages are in seconds.
DATABASES["default"].setdefault("CONN_MAX_AGE", 600)
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
# Seconds. Without it a host that does not answer is reported after minutes only.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
# Compiling a statement takes longer than any statement of ours gains by it.
DATABASES["default"]["OPTIONS"].setdefault("options", "-c jit=off")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env_broker("BROKER_URL", f"redis+socket://{SOCKET_DIR}/valkey.sock?virtual_host=0")
# Valkey and Redis hold the cache beside the queue. RabbitMQ cannot, and needs a CACHE_URL; without
# one, each process caches and counts for itself.
CACHE_URL = env_text("CACHE_URL") or (
    f"unix://{SOCKET_DIR}/valkey.sock?db=1"
    if USES_EMBEDDED_BROKER
    else BROKER_URL
    if BROKER_URL.startswith(("redis://", "rediss://"))
    else ""
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        # Seconds. A request does not wait longer for its rate limit.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Where those go who sign in without having asked for a page.
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-gb"
# Of the admin, and of the pages and mails for customers.
LANGUAGES = [("en-gb", "English"), ("fr", "Français")]
# What staff choose says nothing about the pages for customers.
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
TIME_ZONE = env_time_zone("TIME_ZONE", "Europe/Paris")
FORMAT_MODULE_PATH = ["config.site.formats"]
USE_TZ = True
# The day on which calendar weeks of segments start; Monday is 0.
WEEK_STARTS_ON = env_int("WEEK_STARTS_ON", 0)

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# One URL stands for several settings. django-environ also returns OPTIONS, which is no setting.
for _setting, _value in env_email("EMAIL_URL", f"filemail://{DATA_DIR / 'mail'}").items():
    if _setting.startswith("EMAIL_"):
        globals()[_setting] = _value
DEFAULT_FROM_EMAIL = env_text("DEFAULT_FROM_EMAIL", "Tessera <privacy@localhost>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["profiles.api.kit.access.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["profiles.api.kit.access.HasDeclaredScope"],
    "DEFAULT_THROTTLE_CLASSES": ["profiles.api.kit.throttles.KeyThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "config.http.paging.CursorPages",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["profiles.api.kit.parsers.JudgingJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.http.schema.ScopedSchema",
    # The schema describes every operation; OPTIONS would describe a view once more.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "config.http.problems.problem_response",
    # None keeps times in UTC. The default would convert them to the time zone of the staff.
    "DATETIME_FORMAT": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tessera",
    "DESCRIPTION": "Customer profiles, consent and living segments. "
    "Times are in UTC, those without an offset, too.",
    "VERSION": "1",
    "TAGS": [{"name": name, "description": text} for name, text in TAGS.items()],
    "OAS_VERSION": "3.1.1",
    # The default hook names enums after their fields, and several apps have a `kind` and a `state`.
    "POSTPROCESSING_HOOKS": ["config.http.schema.add_tracking"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# The web's processes and the threads of each, and the worker's processes: what each of them has of
# connections to the database is checked against what the server bears.
WEB_WORKERS = env_int("WEB_WORKERS", max(2, min(4, os.cpu_count() or 1)), minimum=1)
# On two cores threads accept as many requests as processes without threads: 260 to 300 a second, of
# 50 messages each, against 250 to 275.
WEB_THREADS = env_int("WEB_THREADS", 8, minimum=2)
WORKER_PROCESSES = env_int("WORKER_PROCESSES", 2, minimum=1)
# How many messages one chunk of the inbox holds, how long a worker leases it, and at which attempt
# a message that ends its worker each time is rejected.
INBOX_CHUNK_MESSAGES = env_int("INBOX_CHUNK_MESSAGES", 2000, minimum=1)
INBOX_LEASE_SECONDS = env_int("INBOX_LEASE_SECONDS", 60, minimum=1)
INBOX_MAX_ATTEMPTS = env_int("INBOX_MAX_ATTEMPTS", 5, minimum=1)
# Imported files: how long uploads and refused rows are kept, and how large an unpacked file may be.
IMPORT_DAYS = env_int("IMPORT_DAYS", 30, minimum=1)
IMPORT_MAX_BYTES = env_int("IMPORT_MAX_BYTES", 20 * 1024**3, minimum=1)
# A workbook is read into memory whole.
IMPORT_MAX_WORKBOOK_BYTES = env_int("IMPORT_MAX_WORKBOOK_BYTES", 512 * 1024**2, minimum=1)
# SQL sources may read SQLite files below this folder, and none where it is empty. How long one of
# their statements may take in the other database.
SQL_SQLITE_FOLDER = env_text("SQL_SQLITE_FOLDER")
SQL_STATEMENT_SECONDS = env_int("SQL_STATEMENT_SECONDS", 300, minimum=1)
# Seconds that one statement may take which evaluates segments, for a batch of profiles and for
# everybody. A segment that takes longer is set apart.
SEGMENT_REFRESH_SECONDS = env_int("SEGMENT_REFRESH_SECONDS", 60, minimum=1)
SEGMENT_BUILD_SECONDS = env_int("SEGMENT_BUILD_SECONDS", 1800, minimum=1)
# The local hour, 0 to 23, at which the boundaries of ranks are computed anew.
SEGMENT_RECOMPUTE_HOUR = env_int("SEGMENT_RECOMPUTE_HOUR", 3)
# Webhooks: calls at once of one worker, days without a taken call until one is paused, days that
# its log is kept, and how many deliveries may wait for one.
WEBHOOK_LANES = env_int("WEBHOOK_LANES", 8, minimum=1)
WEBHOOK_FAILING_DAYS = env_int("WEBHOOK_FAILING_DAYS", 3, minimum=1)
WEBHOOK_LOG_DAYS = env_int("WEBHOOK_LOG_DAYS", 30, minimum=1)
WEBHOOK_MOST_WAITING = env_int("WEBHOOK_MOST_WAITING", 1_000_000, minimum=1)
# The keys of special traits (article 9), by identifier: outside the database, with backups that
# live for 30 days at most, and the same folder for the web and all workers.
SPECIAL_KEYS_FOLDER = env_text("SPECIAL_KEYS_FOLDER", str(DATA_DIR / "special-keys"))
# Where destinations of files write theirs, each into a folder below it.
EXPORT_FOLDER = env_text("EXPORT_FOLDER", str(DATA_DIR / "exports"))
# Automations: how old an event may be that starts one, and how many may start for one person a day.
AUTOMATION_EVENT_HOURS = env_int("AUTOMATION_EVENT_HOURS", 24, minimum=1)
AUTOMATION_STARTS_PER_DAY = env_int("AUTOMATION_STARTS_PER_DAY", 5, minimum=1)
# For each write key; 0 means no limit.
TRACKING_MESSAGES_PER_MINUTE = env_int("TRACKING_MESSAGES_PER_MINUTE", 600_000)
# How often each may be tried; see profiles.lib.throttles. Empty means no limit.
THROTTLES = {
    "login": env_rate("LOGIN_RATE", "10/15 minutes"),
    "login_sender": env_rate("LOGIN_SENDER_RATE", "60/15 minutes"),
    "link": env_rate("LINK_RATE", "100/hour"),
    "privacy_request": env_rate("PRIVACY_REQUEST_RATE", "20/day"),
    "api": env_rate("API_RATE", "12000/minute"),
    "find": env_rate("FIND_RATE", "30/hour"),
    "omnibox": env_rate("OMNIBOX_RATE", "600/hour"),
    "mail": env_rate("MAIL_RATE", "600/minute"),
}
# How many proxies of ours append to X-Forwarded-For.
TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 0)
# Names of events, and of traits, that one source may bring up by public keys, which anybody has.
CLAIMED_NAMES_PER_SOURCE = env_int("CLAIMED_NAMES_PER_SOURCE", 1000)
# Classes that conclude something from messages (docs/enrichment.md), and a file with the countries
# of network addresses (.mmdb), read where a source keeps them. WEATHER_FILE is of the example.
ENRICHMENTS = env_list(
    "ENRICHMENTS",
    [
        "ingestion.enrichment.user_agent.UserAgent",
        "ingestion.enrichment.locale.Locale",
        "ingestion.enrichment.address.AddressOfClient",
    ],
)
GEO_DATABASE = env_text("GEO_DATABASE")
WEATHER_FILE = env_text("WEATHER_FILE")
DEFAULT_PHONE_REGION = env_text("DEFAULT_PHONE_REGION", "FR")
# The traits that are a postal address, and how many people of one are still a household.
HOUSEHOLD_TRAITS = env_list(
    "HOUSEHOLD_TRAITS", ["address.street", "address.postalCode", "address.city"]
)
HOUSEHOLD_MOST = env_int("HOUSEHOLD_MOST", 8, minimum=2)
# Consent categories that a browser refuses by the header `Sec-GPC: 1` (Global Privacy Control).
GPC_CATEGORIES = env_list("GPC_CATEGORIES", ["sale", "targeted_advertising"])
# How long a consent lasts where its purpose does not say so, as an ISO 8601 duration.
CONSENT_VALIDITY = env_text("CONSENT_VALIDITY", "P24M")
# The event whose last one ends the relation with a customer, for retention.
ORDER_EVENT = env_text("ORDER_EVENT", "Order Completed")
# The events that reduce its net value, until staff say otherwise in the registry of events.
REDUCING_EVENTS = env_list("REDUCING_EVENTS", ["Order Refunded", "Order Cancelled", "Dispute Lost"])
PRIVACY_LINK_MINUTES = env_int("PRIVACY_LINK_MINUTES", 10, minimum=1)
# How long an erasure that staff opened can be stopped, 0 to 72; 0 lets it take effect at once.
ERASURE_COOLING_HOURS = env_int_within("ERASURE_COOLING_HOURS", 24, most=72)
# About more people than this, staff open requests only with a second person.
SECOND_PERSON_ABOVE = env_int("SECOND_PERSON_ABOVE", 10)
# Of more people than this, an export that staff ask for waits for a second person.
EXPORT_SECOND_PERSON_ABOVE = env_int("EXPORT_SECOND_PERSON_ABOVE", 10_000)
# Who decides, in the register of processing: the name, how to reach them, and their officer.
CONTROLLER_NAME = env_text("CONTROLLER_NAME", COMPANY_NAME)
CONTROLLER_CONTACT = env_text("CONTROLLER_CONTACT")
DPO_CONTACT = env_text("DPO_CONTACT")
# Who stamps the head of the ledger (RFC 3161), and a file with the certificates it must lead to.
TIMESTAMP_URL = env_text("TIMESTAMP_URL")
TIMESTAMP_ROOTS = env_text("TIMESTAMP_ROOTS")
ACCESS_ARCHIVE_DAYS = env_int("ACCESS_ARCHIVE_DAYS", 7, minimum=1)
# Pairs of profiles that are one person with this probability are proposed; above the second, if it
# is not 0, they are joined without anybody's word.
MATCH_PROPOSE_PERCENT = env_int("MATCH_PROPOSE_PERCENT", 80, minimum=1)
MATCH_ACCEPT_PERCENT = env_int("MATCH_ACCEPT_PERCENT", 0)
AUDIT_DAYS = env_int("AUDIT_DAYS", 3 * 365, minimum=1)
READ_LOG_DAYS = env_int("READ_LOG_DAYS", 365, minimum=1)
# How long consents of erased people can be proved. The database keeps them for a year in any case.
PROOF_DAYS = env_int("PROOF_DAYS", 5 * 365, minimum=366)

SESSION_COOKIE_HTTPONLY = True
# After so long staff log in again, whatever they do.
SESSION_COOKIE_AGE = env_int("SESSION_HOURS", 12, minimum=1) * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if PUBLIC_URL.startswith("https://"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", True)
    # Load balancers call these on each machine directly, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", 31_536_000)
    # The proxy that ends TLS must set this header itself, or clients could claim to use TLS.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"plain": {"()": "config.http.logs.WithoutRequestText"}},
    "formatters": {
        "line": {
            "()": "config.http.logs.PlainFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["plain"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": env_text("LOG_LEVEL", "WARNING")},
}
