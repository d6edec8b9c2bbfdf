"""Making pools, and putting codes into them.

Invariant: no pool has a code twice, and nothing takes a code out of one.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from profiles.lib.batches import batches
from profiles.services import Actor, audited, differences
from segments.definitions.save import SegmentError
from segments.models import Code, CodePool

TYPE = "code_pool"
CHANGEABLE = ("name", "expires_at", "alert_below", "event", "property")
# Without letters and digits that look alike: I and 1, O and 0, L, S and 5, B and 8, Z and 2.
ALPHABET = "ACDEFGHJKMNPQRTUVWXY34679"
SHORTEST, LONGEST = 8, 24
MOST_AT_ONCE = 100_000
_CODE = re.compile(r"[!-~]{4,64}")
_PREFIX = re.compile(r"[A-Z0-9-]{0,16}")
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Stock:
    """How many codes of a pool are free, given, and redeemed of those."""

    free: int
    given: int
    redeemed: int


def create_pool(*, key: str, name: str, actor: Actor, **options: Any) -> CodePool:
    """Make an empty pool. Raises SegmentError where the key is taken or options do not fit."""
    with audited(actor, "code_pool.created") as deed:
        if CodePool.objects.filter(key=key).exists():
            raise SegmentError("key", "There is a pool with this key.")
        row = CodePool(key=key, name=name, **options)
        _refuse_half_redemption(row)
        row.save()
        deed.about(TYPE, key, **differences({}, _audited_state(row)))
        return row


def update_pool(row: CodePool, *, actor: Actor, changes: Mapping[str, Any]) -> CodePool:
    """Change a pool. Raises SegmentError."""
    with audited(actor, "code_pool.changed") as deed:
        row = CodePool.objects.select_for_update().get(pk=row.pk)
        before = _audited_state(row)
        for field in CHANGEABLE:
            setattr(row, field, changes.get(field, getattr(row, field)))
        _refuse_half_redemption(row)
        row.save()
        deed.about(TYPE, row.key, **differences(before, _audited_state(row)))
        return row


def add_codes(row: CodePool, codes: Sequence[str], *, actor: Actor) -> int:
    """Put codes into a pool; return how many were not in it. Raises SegmentError on a bad one."""
    for place, code in enumerate(codes):
        if not _CODE.fullmatch(code):
            detail = "A code is 4 to 64 letters, digits and signs without spaces."
            raise SegmentError(f"codes[{place}]", detail)
    if len(codes) > MOST_AT_ONCE:
        raise SegmentError("codes", f"At most {MOST_AT_ONCE} codes at once.")
    with audited(actor, "code_pool.filled") as deed:
        added = _insert(row, codes)
        if added:
            deed.about(TYPE, row.key, codes=[None, added])
        return added


def generate_codes(
    row: CodePool, *, count: int, length: int = 10, prefix: str = "", actor: Actor
) -> int:
    """Put so many new codes of chance into a pool; return how many. Raises SegmentError."""
    if not 1 <= count <= MOST_AT_ONCE:
        raise SegmentError("count", f"From 1 to {MOST_AT_ONCE}.")
    if not SHORTEST <= length <= LONGEST:
        # Shorter ones could be guessed.
        raise SegmentError("length", f"From {SHORTEST} to {LONGEST}, without the prefix.")
    if not _PREFIX.fullmatch(prefix):
        raise SegmentError("prefix", "At most 16 capital letters, digits and hyphens.")
    with audited(actor, "code_pool.filled") as deed:
        missing = count
        while missing:
            # One that is there already is made anew.
            missing -= _insert(row, [_chance(prefix, length) for _ in range(missing)])
        deed.about(TYPE, row.key, codes=[None, count])
        return count


def stock_of(row: CodePool) -> Stock:
    """Return how many codes a pool has."""
    is_given = Q(given_at__isnull=False)
    counts = row.codes.aggregate(
        free=Count("pk", filter=~is_given),
        given=Count("pk", filter=is_given),
        redeemed=Count("pk", filter=Q(redeemed_at__isnull=False)),
    )
    return Stock(**counts)


def low_pools(*, now: datetime) -> list[CodePool]:
    """Return the pools that run low and still give codes."""
    free = Code.objects.filter(pool=OuterRef("pk"), given_at__isnull=True).order_by()
    counted = free.values("pool").annotate(count=Count("pk")).values("count")
    rows = CodePool.objects.filter(alert_below__gt=0).exclude(expires_at__lte=now)
    low = rows.annotate(free=Coalesce(Subquery(counted), 0)).filter(free__lt=F("alert_below"))
    return list(low)


def _chance(prefix: str, length: int) -> str:
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def _insert(row: CodePool, codes: Sequence[str]) -> int:
    """Insert codes; return how many were new. In one order, so that two callers do not deadlock."""
    added = 0
    CodePool.objects.select_for_update().get(pk=row.pk)
    for part in batches(sorted(set(codes)), _BATCH):
        known = set(row.codes.filter(text__in=part).values_list("text", flat=True))
        rows = [Code(pool=row, text=text) for text in part if text not in known]
        added += len(Code.objects.bulk_create(rows))
    return added


def _refuse_half_redemption(row: CodePool) -> None:
    if bool(row.event) != bool(row.property):
        missing = "property" if row.event else "event"
        raise SegmentError(missing, "An event and its property with the code belong together.")


def _audited_state(row: CodePool) -> dict[str, Any]:
    return {
        "name": row.name,
        "expires_at": row.expires_at and row.expires_at.isoformat(),
        "alert_below": row.alert_below,
        "event": row.event,
        "property": row.property,
    }
