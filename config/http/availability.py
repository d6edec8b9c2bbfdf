"""Whether an exception means that the database is away, which passes, and no fault of ours."""

from collections.abc import Iterator

from django.db import InterfaceError, OperationalError

RETRY_SECONDS = 5
# Connection failures, a server that shuts down, starts or crashed, and one with no connection left.
AWAY_STATES = ("08", "57P", "53300")


def is_database_away(error: BaseException | None) -> bool:
    """Whether the error, or one that led to it, is a lost or refused connection."""
    return any(_is_lost_connection(cause) for cause in _causes(error))


def _is_lost_connection(error: BaseException) -> bool:
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    # The client itself has no code for a connection that broke or was never made.
    return state is None or state.startswith(AWAY_STATES)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # An exception never is among its own causes: Python breaks such circles.
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
