"""Who did it: every public write names its actor and writes an audit entry.

Invariant: only the outermost write leaves an entry, so that one deed is one row. Values of people
are never in it: of a person the entry has the names of what changed, and its body, which erasure
deletes, the person and the reason.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model
from django.forms.models import model_to_dict

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
MAX_KEY = 255  # the length of the column
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

    @classmethod
    def of(cls, entry: AuditEntry) -> "Actor":
        return cls(ActorKind(entry.actor_kind), entry.actor_id)

    @classmethod
    def parse(cls, reference: str) -> "Actor":
        """Return the actor that `str` wrote as `reference`; other names are those of programs."""
        kind, _, actor_id = reference.partition(":")
        if kind in ActorKind.values:
            return cls(ActorKind(kind), actor_id)
        return cls.system(reference)


CUSTOMER = Actor(ActorKind.CUSTOMER)


@dataclass(slots=True)
class Deed:
    """What an audited write says of itself. No entry is written if it says nothing."""

    object_type: str = ""
    object_key: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    profile: Profile | None = None
    identifier_ids: tuple[int, ...] = ()

    def about(self, object_type: str, object_key: object, /, **changes: Any) -> None:
        """Name the object of configuration; `changes` are pairs of before and after, by name."""
        self.object_type, self.object_key = object_type, entry_key(object_key)
        self.changes |= changes

    def naming(self, *identifier_ids: int) -> None:
        """Say of whom the reason may speak: it goes with the erasure of any of them."""
        self.identifier_ids = identifier_ids

    def about_person(self, profile: Profile, **changes: Any) -> None:
        """The person; `changes` name what changed and hold no values of theirs."""
        self.object_type, self.profile = PROFILE, profile
        self.changes |= changes


def entry_key(object_key: object) -> str:
    """Return how entries name an object: a key that is made of several names may be too long."""
    return str(object_key)[:MAX_KEY]


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


def save_audited(instance: Model, *, actor: Actor, noun: str, key: str) -> None:
    """Validate and save a row of configuration, and write down what differs from what is stored.

    Raises ValidationError.
    """
    stored = type(instance)._default_manager.filter(pk=instance.pk).first()
    with audited(actor, f"{noun}.{'changed' if stored else 'created'}") as deed:
        instance.full_clean()
        instance.save()
        changes = differences(model_to_dict(stored) if stored else {}, model_to_dict(instance))
        deed.about(noun, key, **_as_json(changes))


def delete_audited(instance: Model, *, actor: Actor, noun: str, key: str) -> None:
    """Delete a row of configuration and write down what it was."""
    with audited(actor, f"{noun}.deleted") as deed:
        deed.about(noun, key, **_as_json(differences(model_to_dict(instance), {})))
        instance.delete()


class PublicActor(NamedTuple):
    """An actor as the API names it: by login, by the prefix of the key, or by program."""

    kind: ActorKind
    id: str


def public_actors(references: Iterable[str]) -> dict[str, PublicActor]:
    """Return the kept actors (`staff:3`) as the API names them. Takes two queries."""
    actors = {reference: Actor.parse(reference) for reference in references}
    logins, keys = _logins(actors.values()), _keys(actors.values())
    ids = {ActorKind.STAFF: logins, ActorKind.SERVICE: {pk: key.prefix for pk, key in keys.items()}}
    return {
        reference: PublicActor(actor.kind, ids.get(actor.kind, {}).get(actor.id, actor.id))
        for reference, actor in actors.items()
    }


def actor_names(references: Iterable[str]) -> dict[str, str]:
    """Return the kept actors (`staff:3`) as staff know them: by login or by the key's name.

    Takes two queries.
    """
    actors = {reference: Actor.parse(reference) for reference in references}
    logins, keys = _logins(actors.values()), _keys(actors.values())
    names = {ActorKind.STAFF: logins, ActorKind.SERVICE: {pk: key.name for pk, key in keys.items()}}
    return {
        reference: names.get(actor.kind, {}).get(actor.id, actor.id or str(actor.kind))
        for reference, actor in actors.items()
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
            identifier_ids=sorted(deed.identifier_ids),
        )


def _logins(actors: Iterable[Actor]) -> dict[str, str]:
    users = User.objects.filter(pk__in=_ids(actors, ActorKind.STAFF))
    return {str(pk): login for pk, login in users.values_list("pk", User.USERNAME_FIELD)}


def _keys(actors: Iterable[Actor]) -> dict[str, ApiKey]:
    keys = ApiKey.objects.filter(pk__in=_ids(actors, ActorKind.SERVICE))
    return {str(key.pk): key for key in keys}


def _ids(actors: Iterable[Actor], kind: ActorKind) -> list[int]:
    return [int(actor.id) for actor in actors if actor.kind == kind and actor.id.isdecimal()]


def _as_json(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The same with keys in the place of rows, as `model_to_dict` gives them for relations."""
    plain: dict[str, Any] = json.loads(json.dumps(changes, default=str))
    return plain


def _identifier_of(profile: Profile | None) -> Identifier | None:
    if profile is None:
        return None
    return Identifier.objects.filter(namespace=PROFILE, value=str(profile.uuid)).first()
