"""The register as a table: one line for each purpose.

Invariant: no cell begins as a formula of a spreadsheet does.
"""

import csv
import io

from consent.register.document import Activity, Register

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(register: Register) -> str:
    """Return the purposes of a register as CSV, with who decides in each line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("controller", *Activity._fields))
    for activity in register.activities:
        cells = (register.controller.name, *activity)
        writer.writerow([_cell(value) for value in cells])
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text
