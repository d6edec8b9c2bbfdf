"""What a start does before anything serves requests.

It makes tables and static files, and on the first run an administrator.
"""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from config.demo.loading import has_begun, is_loaded
from config.runtime.broker import broker_fault
from config.runtime.embedded import StartError
from profiles.models import Profile, Source

ADMIN_NAME = "admin"


def require_broker() -> None:
    """Raise StartError if the broker does not answer."""
    if fault := broker_fault():
        raise StartError(f"the broker of BROKER_URL cannot be reached: {fault}")


def prepare() -> str | None:
    """Migrate and collect static files.

    Returns the password of the administrator if one was made.
    """
    for name in ("log", "mail"):
        (settings.DATA_DIR / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, skip_checks=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    return _make_admin()


def lacks_demo() -> bool:
    """Whether the demo is to be loaded into an empty store, or a load of it to be finished."""
    if is_loaded():
        return False
    # Never into a store with profiles of its own, where nobody could tell them from the demo's.
    return has_begun() or not (Source.objects.exists() or Profile.objects.exists())


def _make_admin() -> str | None:
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(ADMIN_NAME, email="", password=password)
    return password
