"""Who did it: every public write names its actor and leaves an audit entry in the transaction of the change.

Invariant: only the outermost write leaves an entry, so that one deed is one row. Values of people are never in it: of a
person the entry has the names of what changed, and its body, which erasure deletes, the person and the reason.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from profiles.lib.batches import batches
from profiles.lib.database import database_now
from profiles.models import (
    ActorKind,
    ApiKey,
    AuditBody,
    AuditEntry,
    Identifier,
    Profile,
)

PROFILE = "profile"
_PRUNED_AT_ONCE = 10_000
_is_within_write: ContextVar[bool] = ContextVar("is_within_write", default=False)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the kind, and the primary key of the user or API key, or the name of a program."""

    kind: ActorKind
    id: str = ""

    def __str__(self) -> str:
        """How the actor is kept beside what they did, such as `staff:3`."""
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)

    @classmethod
    def staff(cls, user: User) -> "Actor":
        return cls(ActorKind.STAFF, str(user.pk))

    @classmethod
    def service(cls, key: ApiKey) -> "Actor":
        return cls(ActorKind.SERVICE, str(key.pk))

    @classmethod
    def system(cls, program: str) -> "Actor":
        """A command, a worker's task or the demo, by its name."""
        return cls(ActorKind.SYSTEM, program)


CUSTOMER = Actor(ActorKind.CUSTOMER)


@dataclass(slots=True)
class Deed:
    """What an audited write says of itself while it runs; nothing is written down where it says nothing."""

    object_type: str = ""
    object_key: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    profile: Profile | None = None

    def about(self, object_type: str, key: object, **changes: Any) -> None:
        """The object of configuration, by its public key; `changes` give (before, after) by name."""
        self.object_type, self.object_key = object_type, str(key)
        self.changes |= changes

    def about_person(self, profile: Profile, **changes: Any) -> None:
        """The person; `changes` name what changed and hold no values of theirs."""
        self.object_type, self.profile = PROFILE, profile
        self.changes |= changes


@contextmanager
def audited(actor: Actor, verb: str, *, reason: str = "") -> Iterator[Deed]:
    """Run a write in one transaction, and write down who did it once it is done.

    `verb` is like `source.changed`. Within another audited write only that one leaves an entry.
    """
    deed = Deed(reason=reason)
    is_outermost = not _is_within_write.get()
    token = _is_within_write.set(True)
    try:
        with transaction.atomic():
            yield deed
            if is_outermost and deed.object_type:
                _write(actor, verb, deed)
    finally:
        _is_within_write.reset(token)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What differs between two states of an object: `{field: [before, after]}`."""
    names = sorted(before.keys() | after.keys())
    return {
        name: [before.get(name), after.get(name)]
        for name in names
        if before.get(name) != after.get(name)
    }


def prune_audit() -> int:
    """Delete the entries that are older than AUDIT_DAYS, in parts; return how many."""
    oldest = database_now() - timedelta(days=settings.AUDIT_DAYS)
    expired = list(AuditEntry.objects.filter(at__lt=oldest).values_list("pk", flat=True))
    for ids in batches(expired, _PRUNED_AT_ONCE):
        AuditEntry.objects.filter(pk__in=ids).delete()
    return len(expired)


def _write(actor: Actor, verb: str, deed: Deed) -> None:
    entry = AuditEntry.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        verb=verb,
        object_type=deed.object_type,
        object_key=deed.object_key,
        changes=deed.changes,
    )
    if deed.reason or deed.profile is not None:
        AuditBody.objects.create(
            entry=entry,
            identifier=_identifier_of(deed.profile),
            object_key=str(deed.profile.uuid) if deed.profile else "",
            reason=deed.reason,
        )


def _identifier_of(profile: Profile | None) -> Identifier | None:
    if profile is None:
        return None
    return Identifier.objects.filter(namespace=PROFILE, value=str(profile.uuid)).first()
