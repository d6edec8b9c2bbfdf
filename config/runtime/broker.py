"""Whether the broker answers: asked once, within seconds, without the patience that a worker has."""

from django.conf import settings
from kombu import Connection

TIMEOUT_SECONDS = 3
TIMEOUTS = {"socket_connect_timeout": TIMEOUT_SECONDS, "socket_timeout": TIMEOUT_SECONDS}


def broker_fault() -> str | None:
    """What keeps the broker from answering, in one line; None if it answers."""
    broker = Connection(
        settings.BROKER_URL, connect_timeout=TIMEOUT_SECONDS, transport_options=TIMEOUTS
    )
    try:
        broker.connect()
    except (*broker.connection_errors, *broker.channel_errors, OSError) as error:
        lines = str(error).splitlines()
        return lines[0] if lines else type(error).__name__
    finally:
        broker.release()
    return None
