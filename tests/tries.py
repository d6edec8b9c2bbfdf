"""How many examples a property test tries: EXAMPLES is the share of what is written in the tests.

All of them by default. A check that must be quick tries a share of them, the same ones each time;
what it leaves out is tried by whoever runs the tests by hand.
"""

import os

FEWEST = 5
SHARE = float(os.environ.get("EXAMPLES", "1"))


def tries(number: int) -> int:
    """Return how many of so many examples to try."""
    return max(min(number, FEWEST), round(number * SHARE))
