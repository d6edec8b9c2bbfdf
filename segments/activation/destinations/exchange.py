"""Calls to a tool: at its rate, with its credentials, and each behind the gate.

Invariant: nothing of an answer is logged or stored but its status: it may name people.
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.database import database_now
from profiles.lib.outgoing import NotCalled, send
from segments.activation import sql
from segments.activation.outcomes import Outcome
from segments.activation.references import open_token, seal_token
from segments.models import Destination

MOST_READ = 4 * 1024 * 1024
LONGEST_WAIT = 5.0
WITHHELD = "withheld"
# These are about the account, not about anybody.
_GENERAL = (401, 402, 403)


class CallFailed(Exception):
    """A tool took nobody; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.fault or str(outcome.answer))
        self.outcome = outcome


class Reply(NamedTuple):
    """What a tool answered: the status, and the JSON, None where it is none."""

    status: int
    content: Any
    retry_after: str = ""

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.status, "", self.retry_after, is_general=self.status in _GENERAL)

    def required(self, *statuses: int) -> "Reply":
        """Return this reply if it is a success or one of the statuses. Raises CallFailed."""
        if not self.is_taken and self.status not in statuses:
            raise CallFailed(self.outcome)
        return self

    def at(self, *path: str) -> Any:
        """Return what is at a path of objects, None where there is nothing."""
        content = self.content
        for name in path:
            content = content.get(name) if isinstance(content, dict) else None
        return content


@dataclass(slots=True)
class Exchange:
    """Calls of one destination. `may_begin` is asked before the first byte of each."""

    destination: Destination
    credentials: Mapping[str, str]
    seconds_between_calls: float
    may_begin: Callable[[], bool] = field(default=lambda: True)

    @property
    def settings(self) -> Mapping[str, str]:
        settings: dict[str, str] = self.destination.settings
        return settings

    @property
    def address(self) -> str:
        return self.settings["address"].rstrip("/")

    def call(
        self,
        method: str,
        url: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        is_about_people: bool = True,
    ) -> Reply:
        """Call a tool once with JSON, or with a body as it is. Raises CallFailed without answer."""
        self._wait_for_turn()
        if content is not None:
            body = exact_json.dumps(content).encode()
        sent = {"User-Agent": "Tessera", "Accept": "application/json"} | dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        may_begin = self.may_begin if is_about_people else lambda: True
        try:
            answer = send(url, body, sent, may_begin=may_begin, method=method, most_read=MOST_READ)
        except NotCalled as error:
            raise CallFailed(Outcome(None, error.code)) from None
        return Reply(answer.status, _json_of(answer.body), answer.retry_after)

    def begin(self) -> None:
        """Ask the gate for what is no call. Raises CallFailed where it may not begin."""
        if not self.may_begin():
            raise CallFailed(Outcome(None, WITHHELD))

    def token(self, fetch: Callable[["Exchange"], tuple[str, int]]) -> str:
        """Return the token that the tool lent, or lends now for so many seconds."""
        row, now = self.destination, database_now()
        if row.sealed_token and row.token_until and row.token_until > now:
            return open_token(row.sealed_token)
        token, seconds = fetch(self)
        # A minute earlier, so that it does not end on its way.
        row.sealed_token, row.token_until = seal_token(token), now + timedelta(seconds=seconds - 60)
        row.save(update_fields=["sealed_token", "token_until"])
        return token

    def _wait_for_turn(self) -> None:
        parameters: dict[str, Any] = {
            "seconds": self.seconds_between_calls,
            "pk": self.destination.pk,
        }
        with connection.cursor() as cursor:
            cursor.execute(sql.TAKE_TURN, parameters)
            row = cursor.fetchone()
        wait = float(row[0]) if row else 0.0
        if wait > 0:
            # Turns are fractions of a second apart, and a lease is much longer than all of them.
            time.sleep(min(wait, LONGEST_WAIT))


def basic(username: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic authentication."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def bearer(token: str) -> dict[str, str]:
    """Return the header of a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def _json_of(body: bytes) -> Any:
    try:
        return exact_json.read(body) if body else None
    except ValueError:
        return None
