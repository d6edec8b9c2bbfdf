"""What can be wrong with a file, with a mapping, or with one row."""

from typing import NamedTuple


class FileFault(ValueError):
    """A file cannot be read as a whole. The text omits its content, which is personal."""


class Fault(NamedTuple):
    """One thing that is wrong: where, a stable code, and what would be right."""

    path: str
    code: str
    detail: str


class MappingFaults(ValueError):
    """A mapping is refused, with all that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.detail}" for fault in faults))
        self.faults = faults


class RowFault(Exception):
    """One row is refused: a stable code, the column of the fault, and what would be right."""

    def __init__(self, code: str, column: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.column, self.detail = code, column, detail
