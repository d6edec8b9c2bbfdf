"""CDNOW: 69,659 real purchases of 23,570 customers of a shop for CDs, from January 1997 to June 1998.

Invariant: quantities and dollars are exactly those of the file; only the dates are moved, all by the same number of days.
Origin: CDNOW_master.txt, made public by Peter Fader and Bruce Hardie (https://www.brucehardie.com/datasets/), there without
any name or address.
"""

import csv
import io
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parent / "data" / "cdnow.csv.xz"
CUSTOMERS = 23_570
PURCHASES = 69_659
LAST_DAY = date(1998, 6, 30)
# A sample takes neighbours together, since households are made of them.
BLOCK = 50


class Purchase(NamedTuple):
    """One purchase; `number` is its place in the file, from 1."""

    number: int
    customer: int
    day: date
    quantity: int
    revenue: Decimal


def read_purchases() -> Iterator[Purchase]:
    """All purchases as they stand in the file, by customer and day."""
    text = lzma.decompress(FILE.read_bytes()).decode("ascii")
    rows = csv.reader(io.StringIO(text))
    next(rows)
    for number, (customer, day, quantity, revenue) in enumerate(rows, start=1):
        yield Purchase(
            number,
            int(customer),
            date.fromisoformat(day),
            int(quantity),
            Decimal(revenue),
        )


def purchases_until(last_day: date, customers: int) -> Mapping[int, Sequence[Purchase]]:
    """The purchases of so many customers, moved so that the last of the whole file is on `last_day`."""
    chosen = sample(customers)
    moved = last_day - LAST_DAY
    found: dict[int, list[Purchase]] = defaultdict(list)
    for purchase in read_purchases():
        if purchase.customer in chosen:
            found[purchase.customer].append(purchase._replace(day=purchase.day + moved))
    return found


def sample(customers: int) -> frozenset[int]:
    """So many customers in blocks of neighbours, evenly over the file, which is sorted by first purchase."""
    everyone = range(1, CUSTOMERS + 1)
    blocks = [everyone[start : start + BLOCK] for start in range(0, CUSTOMERS, BLOCK)]
    wanted = -(-customers // BLOCK)
    chosen = (blocks[place * len(blocks) // wanted] for place in range(wanted))
    return frozenset(islice(chain.from_iterable(chosen), customers))
