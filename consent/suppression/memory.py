"""The beginnings of all suppressed digests in the memory of a process.

Nearly nothing that is looked up is suppressed: with 8 bytes of each row in memory that is known
without asking the database for it. What is found here is only a candidate, which a row confirms.

Invariant: a look-up first reads what the newest row is. The caller holds the people lock, under
which rows are added, so no row can be missing here.
"""

import threading
from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from consent.suppression import sql
from consent.suppression.keys import SuppressionKeyMissing, suppression_keys

_BYTES = 8
_Newest = tuple[int, datetime]


class KnownDigests:
    """The beginnings of digests, sorted, with the row up to which they were read.

    `versions` are those of the normalisers that any row was spelled by.
    """

    def __init__(self) -> None:
        self._beginnings = array("q")
        self._newest: _Newest | None = None
        self._chains: tuple[str, ...] = ()
        self.versions: tuple[int, ...] = ()

    def __contains__(self, digest: bytes) -> bool:
        beginning = int.from_bytes(digest[:_BYTES], signed=True)
        place = bisect_left(self._beginnings, beginning)
        return place < len(self._beginnings) and self._beginnings[place] == beginning

    def __bool__(self) -> bool:
        return bool(self._beginnings)

    def brought_up_to_date(self) -> "KnownDigests":
        """Return the digests of all rows there are. Raises SuppressionKeyMissing."""
        with connection.cursor() as cursor:
            cursor.execute(sql.NEWEST)
            *newest, chains = cursor.fetchone()
            if not set(chains) <= {key.id for key in suppression_keys()}:
                raise SuppressionKeyMissing(
                    "Suppressed people cannot be recognised: SUPPRESSION_KEY is not the one that "
                    "rows were made with."
                )
            row = None if newest[0] is None else (newest[0], newest[1])
            if (row, tuple(chains)) == (self._newest, self._chains):
                return self
            # A rotation changes all digests, a restored backup may have others under the same ids.
            cursor.execute(sql.IS_ROW, self._newest or (None, None))
            is_followed = cursor.fetchone()[0] and tuple(chains) == self._chains
            known = self if is_followed else KnownDigests()
            cursor.execute(sql.BEGINNINGS, [known._newest[0] if known._newest else 0])
            return known._with(cursor.fetchall(), row, tuple(chains))

    def _with(
        self, rows: Sequence[tuple[int, int]], newest: _Newest | None, chains: tuple[str, ...]
    ) -> "KnownDigests":
        """Return these digests and those of newer rows, as a copy: other threads search this."""
        digests = KnownDigests()
        digests._newest, digests._chains = newest, chains
        digests.versions = tuple(sorted({*self.versions, *(version for _, version in rows)}))
        digests._beginnings = array("q", self._beginnings)
        if self:
            for beginning, _ in rows:
                insort(digests._beginnings, beginning)
        else:
            digests._beginnings.extend(sorted(beginning for beginning, _ in rows))
        return digests


_lock = threading.Lock()
_known = KnownDigests()


def known_digests() -> KnownDigests:
    """Return what is known now; it does not change any more. Raises SuppressionKeyMissing."""
    global _known
    # Two threads that are behind read the new rows once.
    with _lock:
        _known = _known.brought_up_to_date()
        return _known
