"""Log lines without personal data: no address of a request, and no message of an exception.

An address that no route has may be anybody's e-mail address, and PostgreSQL quotes values.
"""

import logging
import traceback
from types import TracebackType

from django.http import HttpRequest


class WithoutRequestText(logging.Filter):
    """Replaces what Django says of a request by the status or the suspicion, and the route."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            # Django's own arguments are the reason and the path, which it escapes in its own way.
            is_response = record.name == "django.request"
            status = record.args[0] if isinstance(record.args, tuple) and record.args else ""
            subject = status if is_response else record.name
            record.msg, record.args = "%s: %s", (subject, _route(request))
        return True


class PlainFormatter(logging.Formatter):
    """Writes of an exception its type and where it was raised, for each that led to it."""

    def formatException(  # noqa: N802 (the name is Python's)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, ...]
    ) -> str:
        error, lines = ei[1], []
        while error is not None:
            lines += [f"{type(error).__qualname__}, raised at:\n"]
            lines += traceback.format_tb(error.__traceback__)
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


def _route(request: HttpRequest) -> str:
    match = getattr(request, "resolver_match", None)
    return f"/{match.route}" if match is not None else "an unknown address"
