"""Traits that automations state, as a source of their own.

Invariant: what they state has the trust of a server, starts no automation, and is never a contact
or special data.
"""

from datetime import datetime
from decimal import Decimal

from profiles.lib.change_queue import mark_changed
from profiles.models import Profile, Source, TrustLevel
from profiles.services import (
    Actor,
    RecordKey,
    TraitStatement,
    create_source,
    record_traits,
)
from segments.lib.people_by_reference import anchors_of

SOURCE = "automation"


def make_source(*, actor: Actor) -> None:
    """Make the source of automations, if it is not there."""
    if not Source.objects.filter(key=SOURCE).exists():
        create_source(SOURCE, actor=actor, name="Automations")


def state_trait(person: Profile, key: str, value: str | bool | Decimal, *, now: datetime) -> None:
    """State a trait of one person.

    In the transaction of a caller who holds the people lock; it is shared, so that the person's
    row keeps two automations apart.
    """
    Profile.objects.select_for_update().get(pk=person.pk)
    source_id = Source.objects.values_list("pk", flat=True).get(key=SOURCE)
    record = RecordKey(person.pk, anchors_of([person.pk])[person.pk], source_id, TrustLevel.SERVER)
    microseconds = int(now.timestamp() * 1_000_000)
    # Of two at the same instant, the later one wins by the same number.
    statement = TraitStatement(record, {key: value}, microseconds, microseconds)
    mark_changed(record_traits([statement], now=now))
    person.refresh_from_db(fields=["traits"])
