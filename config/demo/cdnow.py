"""CDNOW: 69,659 real purchases by 23,570 customers of a CD shop, from January 1997 to June 1998.

Invariant: quantities and dollars are those of the file. Only the dates are moved, all by the same
number of days.

Source: CDNOW_master.txt, published by Peter Fader and Bruce Hardie
(https://www.brucehardie.com/datasets/). It has no names or addresses.
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
# A sample takes blocks of neighbours, since households are made of neighbours.
BLOCK = 50


class Purchase(NamedTuple):
    """One purchase. `number` is its place in the file, from 1; `revenue` is in dollars."""

    number: int
    customer: int
    day: date
    quantity: int
    revenue: Decimal


def read_purchases() -> Iterator[Purchase]:
    """Read all purchases in the order of the file, which is by customer and day."""
    text = lzma.decompress(FILE.read_bytes()).decode("ascii")
    rows = csv.reader(io.StringIO(text))
    next(rows)  # the header
    for number, (customer, day, quantity, revenue) in enumerate(rows, start=1):
        yield Purchase(
            number,
            int(customer),
            date.fromisoformat(day),
            int(quantity),
            Decimal(revenue),
        )


def purchases_until(last_day: date, customers: int) -> Mapping[int, Sequence[Purchase]]:
    """Return the purchases of a sample of customers, by customer.

    They are moved so that the last purchase of the whole file is on `last_day`.
    """
    sampled = sample_customers(customers)
    shift = last_day - LAST_DAY
    purchases: dict[int, list[Purchase]] = defaultdict(list)
    for purchase in read_purchases():
        if purchase.customer in sampled:
            purchases[purchase.customer].append(purchase._replace(day=purchase.day + shift))
    return purchases


def sample_customers(count: int) -> frozenset[int]:
    """Return `count` customers, in blocks that are spread evenly over the file.

    The file is sorted by first purchase, so that an even spread covers all of its time.
    """
    everyone = range(1, CUSTOMERS + 1)
    blocks = [everyone[start : start + BLOCK] for start in range(0, CUSTOMERS, BLOCK)]
    needed = -(-count // BLOCK)  # rounded up
    sampled_blocks = (blocks[place * len(blocks) // needed] for place in range(needed))
    return frozenset(islice(chain.from_iterable(sampled_blocks), count))
