"""Whose fault an error is: a message's, the database's, or the product's own.

Invariant: only faults of a closed list reject a message. A bad deploy must not turn a million
acknowledged messages into rejected ones.
"""

import time
from collections import Counter, deque

import psycopg
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

# COPY raises the driver's own errors, which Django does not translate.
OPERATIONAL = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# Classes of SQLSTATE that are no fault of a message: connection, rollback, resources, object state,
# intervention, system.
FAULTS_OF_THE_DATABASE = frozenset({"08", "40", "53", "55", "57", "58"})
# A statement that the server does not support, cannot run as it is written, or breaks down at: all
# messages would fail with it.
FAULTS_OF_THE_PRODUCT = frozenset({"0A", "42", "XX"})
# What a value can provoke: it cannot be computed with, or the database refuses it (classes 22, 23).
FAULTS_OF_A_MESSAGE = (
    ValueError,
    ArithmeticError,
    DataError,
    IntegrityError,
    psycopg.DataError,
    psycopg.IntegrityError,
)
# As many messages may fail with one unexpected type of error, in a chunk or in a minute.
ALLOWED = 20
ALLOWED_SHARE = 0.01  # of the messages of a minute
MINUTE = 60.0


class TooManyFaults(Exception):
    """So many messages fail with one type of error that it cannot be theirs."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type


def is_fault_of_the_database(error: Exception) -> bool:
    """A session that ended, a deadlock, a full disk: what happens to any message alike."""
    if not isinstance(error, OPERATIONAL):
        return False
    state = _sqlstate(error)
    return state is None or state[:2] in FAULTS_OF_THE_DATABASE


def is_fault_of_the_product(error: Exception) -> bool:
    """A statement that the database refuses to run, for whatever message."""
    state = _sqlstate(error)
    return state is not None and state[:2] in FAULTS_OF_THE_PRODUCT


def error_name(error: Exception) -> str:
    """The name of the error's type; of the database's errors the driver's, which says more."""
    return type(_driver_error(error)).__name__


def _sqlstate(error: Exception) -> str | None:
    return getattr(_driver_error(error), "sqlstate", None)


def _driver_error(error: Exception) -> BaseException:
    """The driver's error where Django raised its own from it, else the error itself."""
    return error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error


def is_fault_of_a_message(error: Exception) -> bool:
    """What the message alone provokes, such as a statement that grows too complex."""
    # Of the operational errors only those that are not the database's come here: class 54.
    return isinstance(error, FAULTS_OF_A_MESSAGE + OPERATIONAL)


class UnexpectedFaults:
    """Counts unexpected errors by type: in the chunk at hand, and of the last minute."""

    def __init__(self, *, allowed: int = ALLOWED) -> None:
        self._allowed = allowed
        self._in_chunk: Counter[str] = Counter()
        self._recent: deque[tuple[float, str, int]] = deque()  # time, type or empty, messages

    def begin_chunk(self) -> None:
        """Begin to count those of the next chunk."""
        self._in_chunk.clear()

    def add_drained(self, messages: int) -> None:
        """Count messages that did not fail."""
        self._note("", messages)

    def add(self, error: Exception) -> None:
        """Count one message that failed. Raises TooManyFaults."""
        error_type = type(error).__name__
        self._in_chunk[error_type] += 1
        self._note(error_type, 1)
        if self._in_chunk[error_type] > self._allowed or self._is_minute_bad(error_type):
            raise TooManyFaults(error_type)

    def _is_minute_bad(self, error_type: str) -> bool:
        failed = sum(count for _, type_, count in self._recent if type_ == error_type)
        drained = sum(count for _, type_, count in self._recent if not type_)
        # A few failures in a quiet minute are a large share, and yet no reason to stop.
        return failed > self._allowed and failed > ALLOWED_SHARE * drained

    def _note(self, error_type: str, messages: int) -> None:
        now = time.monotonic()
        self._recent.append((now, error_type, messages))
        while self._recent[0][0] < now - MINUTE:
            self._recent.popleft()
