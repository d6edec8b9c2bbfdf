"""When a person was seen: at the times of their messages, and not when these arrived."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.factories import profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
START = datetime(2020, 1, 1, tzinfo=UTC)

times = st.integers(0, 10**9).map(lambda seconds: START + timedelta(microseconds=seconds))
chunks = st.lists(st.lists(times, min_size=1, max_size=3), min_size=1, max_size=4)


@settings(max_examples=tries(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(chunks, st.booleans())
@example([[START]], False)
@example([[START + timedelta(days=9)], [START]], True)
def test_first_and_last_seen_are_those_of_the_messages(
    chunks: list[list[datetime]], is_merged: bool
) -> None:
    with transaction.atomic():
        for place, chunk in enumerate(chunks):
            send_messages(
                *(
                    {
                        "type": "track",
                        "event": "Seen",
                        "userId": "u1" if place % 2 == 0 or not is_merged else "u2",
                        "timestamp": moment.isoformat(),
                    }
                    for moment in chunk
                )
            )
        mine = [m for n, chunk in enumerate(chunks) for m in chunk if n % 2 == 0 or not is_merged]
        profile = profile_of("user_id:u1")
        assert (profile.first_seen_at, profile.last_seen_at) == (min(mine), max(mine))
        transaction.set_rollback(True)
