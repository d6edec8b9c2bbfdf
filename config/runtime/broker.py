"""Whether the broker can be reached."""

from django.conf import settings
from kombu import Connection

# A probe or a start must report the fault within seconds, where a worker would wait for minutes.
TIMEOUT_SECONDS = 3
TIMEOUTS = {"socket_connect_timeout": TIMEOUT_SECONDS, "socket_timeout": TIMEOUT_SECONDS}


def broker_fault() -> str | None:
    """Try once to connect; return what is wrong in one line, or None if the broker answers."""
    broker = Connection(
        settings.BROKER_URL, connect_timeout=TIMEOUT_SECONDS, transport_options=TIMEOUTS
    )
    connection_faults: tuple[type[BaseException], ...] = (
        *broker.connection_errors,
        *broker.channel_errors,
        OSError,
    )
    try:
        broker.connect()
    except connection_faults as error:
        lines = str(error).splitlines()
        return lines[0] if lines else type(error).__name__
    finally:
        broker.release()
    return None
