"""What is the case for a person at a step: read from the database, only what the step needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from consent.services import is_blocked, may_process
from profiles.models import Identifier, Profile
from profiles.services import Category, load_categories
from segments.automations import sql
from segments.automations.events import first_event
from segments.automations.nodes import (
    Ask,
    Call,
    Cap,
    Check,
    Choice,
    GiveCode,
    HandOver,
    Mail,
    Program,
    SetTrait,
    Split,
    Step,
    WaitEvent,
)
from segments.automations.steps import Facts
from segments.codes.giving import give_code
from segments.compiler import compile_scoped, fill
from segments.compiler.places import bucket_place
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.live import make_context, read_live_definitions
from segments.language.nodes import BucketLeaf, Node
from segments.lib.people_by_key import keys_of_people
from segments.models import (
    AutomationDecision,
    AutomationRun,
    CodePool,
    Destination,
    Membership,
)

_WHOLE = Decimal(100)
MESSAGES = ("mail", "webhook")


@dataclass(frozen=True, slots=True)
class Moment:
    """A run of somebody at an instant. `permits` stands for the gate where people are made up."""

    run: AutomationRun
    person: Profile
    program: Program
    purpose: str
    now: datetime
    permits: bool | None = None


def read_facts(step: Step, moment: Moment) -> Facts:
    """Return what a decision about the step depends on."""
    person, run = moment.person, moment.run
    facts: dict[str, Any] = {
        "now": moment.now,
        "entered_at": run.entered_at,
        "zone": zone_of(person.traits),
        "is_held_out": run.is_held_out,
    }
    match step:
        case WaitEvent(_, event, same, at_most):
            until = min(moment.now, run.entered_at + at_most)
            named = None if same is None else (same, run.event)
            facts["event_at"] = first_event(
                person.pk, event, since=run.since, until=until, same=named
            )
        case Check(_, _, test):
            match test:
                case Ask.PERMITTED:
                    facts["is_permitted"] = is_permitted(moment)
                case Ask.MEMBER:
                    facts["holds"] = _is_member(moment)
                case _:
                    facts["holds"] = holds(test, person.pk, moment.now)
        case Choice(_, test):
            facts["holds"] = holds(test, person.pk, moment.now)
        case Split(_, salt):
            facts["place"] = _place(f"{run.automation_id}:{salt}", person.pk)
        case SetTrait(_, _, key):
            facts["is_ordinary"] = load_categories().of(key) == Category.ORDINARY
        case GiveCode(_, _, pool) if not run.is_held_out:
            facts["has_code"] = _gives_code(pool, moment)
        case HandOver(_, _, destination_id):
            facts["is_permitted"] = is_permitted(moment) and _permits_there(destination_id, moment)
        case Mail() | Call():
            facts["is_permitted"] = is_permitted(moment)
            facts["is_capped"] = is_capped(moment.program.cap, person.pk, moment.now)
            facts["has_address"] = isinstance(step, Call) or _has_address(moment)
    return Facts(**facts)


def zone_of(traits: Mapping[str, Any]) -> ZoneInfo:
    """Return the zone that a person's trait names, else the store's."""
    name = traits.get("timezone")
    try:
        return ZoneInfo(name) if isinstance(name, str) else ZoneInfo(settings.TIME_ZONE)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(settings.TIME_ZONE)


def is_permitted(moment: Moment) -> bool:
    """Whether the person permits the automation's purpose now."""
    if moment.permits is not None:
        return moment.permits and not moment.person.is_restricted
    return may_process(moment.person.pk, moment.purpose, at=moment.now)


def _permits_there(destination_id: UUID, moment: Moment) -> bool:
    """Whether there is such a destination, and the person permits its purpose now."""
    destination = Destination.objects.filter(pk=destination_id).select_related("purpose").first()
    if destination is None or destination.purpose is None:
        return False
    if moment.permits is not None:
        return True
    return may_process(moment.person.pk, destination.purpose.key, at=moment.now)


def holds(test: Node, profile_id: int, now: datetime) -> bool:
    """Whether a condition holds for one person now."""
    node = with_boundaries(test, [], read_models())
    context = make_context(read_live_definitions().nodes, now=now)
    node, context = settle(node, context, is_afresh=False)
    scoped = compile_scoped([node], [profile_id], context)
    statement = fill(
        sql.HOLDS, joins=scoped.joins, ids=[profile_id], condition=scoped.conditions[0]
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchone() is not None


def _is_member(moment: Moment) -> bool:
    """Whether the person is in the segment of the trigger still."""
    segment = getattr(moment.program.trigger, "segment", None)
    rows = Membership.objects.filter(profile_id=moment.person.pk, segment__key=segment)
    return rows.filter(segment__status="live").exists()


def _place(salt: str, profile_id: int) -> float:
    place = bucket_place(BucketLeaf(salt, Decimal(0), _WHOLE))
    statement = fill(sql.PLACE, place=place, profile=profile_id)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return float(cursor.fetchone()[0])


def is_capped(cap: Cap | None, profile_id: int, now: datetime) -> bool:
    """Whether a person had enough messages of all automations, whoever they were before."""
    if cap is None:
        return False
    sent = AutomationDecision.objects.filter(
        run__key__in=keys_of_people([profile_id])[profile_id],
        kind__in=MESSAGES,
        outcome=AutomationDecision.Outcome.ACTED,
        decided_at__gt=now - timedelta(days=cap.days),
    ).exclude(mail_state=AutomationDecision.MailState.WITHHELD)
    return sent.count() >= cap.most


def _gives_code(key: str, moment: Moment) -> bool:
    """Give the person a code, and return whether there was one.

    Only giving it tells: what is free may be somebody else's a moment later. The decision is in the
    same transaction.
    """
    pool = CodePool.objects.filter(key=key).first()
    return pool is not None and give_code(pool, moment.person, now=moment.now) is not None


def _has_address(moment: Moment) -> bool:
    if moment.permits is not None:
        return isinstance(moment.person.traits.get("email"), str)
    return address_of(moment.person) is not None


def address_of(person: Profile) -> str | None:
    """Return the address that mail goes to: the golden one, if it is an identifier of theirs.

    None also where mail came back from it.
    """
    address = person.traits.get("email")
    if not isinstance(address, str):
        return None
    rows = Identifier.objects.filter(namespace="email", profile_id=person.pk)
    value = rows.filter(value=address.strip().lower()).values_list("value", flat=True).first()
    return None if value is None or is_blocked(value) else value
