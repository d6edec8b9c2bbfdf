"""Giving codes to people, and noting that they were redeemed.

Invariant: a person has one code of a pool at most, unless they had two before they were known to be
one; then the first is theirs. No code is given twice.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection

from profiles.models import EventName, Profile
from segments.codes import sql
from segments.lib.people_by_key import keys_of_people
from segments.models import Code, CodePool


def give_code(pool: CodePool, person: Profile, *, now: datetime) -> str | None:
    """Return the person's code, giving them one if they have none; None if there is none left.

    In the transaction of the caller: undone with it, the code is free again.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_PERSON, {"profile": str(person.pk)})
        if (own := codes_of(person.pk).get(pool.key)) is not None:
            return own
        if pool.expires_at is not None and pool.expires_at <= now:
            return None
        cursor.execute(sql.GIVE_CODE, {"pool": pool.pk, "key": person.uuid, "now": now})
        row = cursor.fetchone()
    return row[0] if row else None


def codes_of(profile_id: int) -> dict[str, str]:
    """Return the codes of a person by the key of their pool: the first that they were given."""
    keys = keys_of_people([profile_id])[profile_id]
    rows = Code.objects.filter(key__in=keys).order_by("-given_at", "-pk")
    return dict(rows.values_list("pool__key", "text"))


def given_codes(profile_id: int) -> list[Code]:
    """Return all codes that a person was given, the newest first."""
    keys = keys_of_people([profile_id])[profile_id]
    rows = Code.objects.filter(key__in=keys).select_related("pool")
    return list(rows.order_by("-given_at", "-pk"))


def redeem_codes(arrived: Collection[tuple[int, datetime]]) -> int:
    """Note the codes that live events name as redeemed; return how many there were.

    `arrived` are people with the times at which their events came. Whoever redeems a code, it is
    redeemed: people pass them on.
    """
    pools = list(CodePool.objects.exclude(event="")) if arrived else []
    return sum(_redeem(pool, sorted(arrived)) for pool in pools)


def _redeem(pool: CodePool, arrived: Sequence[tuple[int, datetime]]) -> int:
    name = EventName.objects.filter(kind=EventName.Kind.TRACK, name=pool.event).first()
    if name is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            sql.NAMED_CODES,
            {
                "property": pool.property,
                "ids": [pk for pk, _ in arrived],
                "received": [at for _, at in arrived],
                "name": name.pk,
            },
        )
        redemptions = sorted(cursor.fetchall())
    free = Code.objects.filter(pool=pool, given_at__isnull=False, redeemed_at__isnull=True)
    return sum(free.filter(text=text).update(redeemed_at=at) for text, at in redemptions)
