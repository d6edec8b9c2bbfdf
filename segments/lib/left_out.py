"""Why somebody does not leave the system for a purpose."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from consent.models import State


class LeftOut(StrEnum):
    """Why a member is not in an export, or not sent to a destination."""

    RESTRICTED = "restricted"
    OBJECTED = "objected"
    REFUSED = "refused"
    EXPIRED = "expired"
    OUTDATED = "outdated"
    NEVER_GIVEN = "never_given"


def reason_of(member: Any, now: datetime) -> LeftOut:
    """Return why the gate is closed for a member, by the state that was read with it."""
    if member.is_restricted:
        return LeftOut.RESTRICTED
    if member.is_objected:
        return LeftOut.OBJECTED
    match member.state:
        case State.REFUSED | State.WITHDRAWN | State.INVALIDATED:
            return LeftOut.REFUSED
        case State.GIVEN | State.RENEWED:
            is_over = member.valid_until is not None and member.valid_until <= now
            return LeftOut.EXPIRED if is_over else LeftOut.OUTDATED
        case _:
            return LeftOut.NEVER_GIVEN
