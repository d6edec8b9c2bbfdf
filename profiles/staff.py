"""Staff and their roles: what is written down of a change, and how an account ends.

Invariant: an account is deactivated and then anonymised, never deleted, so that audit entries keep
their actor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group, User

from profiles.audit import Actor, audited, differences
from profiles.models import StaffPreference


@contextmanager
def staff_saved(user: User | None, *, actor: Actor) -> Iterator[list[User]]:
    """Audit what a form changes of an account; the caller puts the saved user into the list.

    The forms of Django's own admin save accounts, so this goes around them instead of saving
    itself.
    """
    before = _state_of_user(user) if user else {}
    saved: list[User] = []
    with audited(actor, "staff.changed" if user else "staff.created") as deed:
        yield saved
        for account in saved:
            after = _state_of_user(User.objects.get(pk=account.pk))
            deed.about("staff", account.pk, **differences(before, after))


@contextmanager
def role_saved(role: Group | None, *, actor: Actor) -> Iterator[list[Group]]:
    """The same for a role and its permissions."""
    before = _state_of_role(role) if role else {}
    saved: list[Group] = []
    with audited(actor, "role.changed" if role else "role.created") as deed:
        yield saved
        for group in saved:
            after = _state_of_role(Group.objects.get(pk=group.pk))
            deed.about("role", group.name, **differences(before, after))


def delete_role(role: Group, *, actor: Actor) -> None:
    """Delete a role; who had only this one can do nothing any more."""
    with audited(actor, "role.deleted") as deed:
        deed.about("role", role.name, **differences(_state_of_role(role), {}))
        role.delete()


def password_changed(user: User, *, actor: Actor) -> None:
    """Write down that a password was set, and nothing of it."""
    with audited(actor, "staff.password_changed") as deed:
        deed.about("staff", user.pk)


def search_made(*, found: int, actor: Actor) -> None:
    """Write down that somebody searched for an identifier and how many it found, not which."""
    with audited(actor, "search.made") as deed:
        deed.about("search", "identifier", people=[None, found])


def anonymise_staff(user: User, *, actor: Actor) -> None:
    """End an account: it cannot log in and names nobody any more."""
    with audited(actor, "staff.anonymised") as deed:
        user.username = f"former-{user.pk}"
        user.first_name = user.last_name = user.email = ""
        user.is_active = user.is_staff = user.is_superuser = False
        user.set_unusable_password()
        user.save()
        user.groups.clear()
        user.user_permissions.clear()
        deed.about("staff", user.pk)


def _state_of_user(user: User) -> dict[str, Any]:
    """What an account may do. Names and addresses of staff are personal data and stay out."""
    return {
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": _codenames(user.user_permissions),
    }


def _state_of_role(role: Group) -> dict[str, Any]:
    return {"permissions": _codenames(role.permissions)}


def _codenames(permissions: Any) -> list[str]:
    names = permissions.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in names)


def choose_language(user: User, language: str) -> None:
    """Keep the language that somebody chose for the admin."""
    StaffPreference.objects.update_or_create(user=user, defaults={"language": language})


def language_of_staff(user: User) -> str:
    """Return the language that somebody chose; empty where they never did."""
    chosen = StaffPreference.objects.filter(user=user).values_list("language", flat=True)
    return chosen.first() or ""
