"""Profiles, events and traits are the same wherever a history is cut into chunks."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.services import drain_inbox
from profiles.identifiers.references import Ref
from profiles.identity.engine import Trust
from profiles.models import Event, EventStat, Identifier, Profile, Source
from tests.factories import NOW, make_source
from tests.ingestion.histories import check_events, check_people, messages, send
from tests.tries import tries

Sent = tuple[dict[str, Any], int, int]  # the message, its trust, the days after the first
People = dict[frozenset[Ref], tuple[Any, ...]]
PROPERTY = settings(
    deadline=None,
    max_examples=tries(30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
trusts = st.sampled_from([Trust.CLAIM, Trust.SERVER])


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    drawn = draw(st.lists(messages(), min_size=1, max_size=14))
    return [(message, draw(trusts), draw(st.integers(0, 8))) for message in drawn]


@PROPERTY
@given(history=histories(), cuts=st.sets(st.integers(0, 13)))
@pytest.mark.django_db
def test_a_history_comes_to_the_same_in_one_chunk_in_some_and_message_by_message(
    history: list[Sent], cuts: set[int]
) -> None:
    source = make_source(key="web")
    one_by_one = drained(history, set(range(len(history))), source)
    assert drained(history, cuts, source) == one_by_one
    assert drained(history, set(), source) == one_by_one


def drained(history: list[Sent], cuts: set[int], source: Source) -> People:
    """Drain the history at these places and at its end, and return the people, rolled back."""
    with transaction.atomic():
        for place, (message, trust, days) in enumerate(history):
            identified = {"messageId": f"place {place}"} | message
            send([identified], source.pk, trust, NOW + timedelta(days=days))
            if place in cuts:
                drain_inbox()
        drain_inbox()
        check_people()
        check_events()
        people = _people()
        transaction.set_rollback(True)
    return people


def _people() -> People:
    """Return events, statistics and golden traits of each profile by its identifiers."""
    refs: dict[int, set[Ref]] = defaultdict(set)
    for identifier in Identifier.objects.exclude(namespace="profile").exclude(profile=None):
        refs[identifier.profile_id].add(Ref(identifier.namespace, identifier.value))
    return {
        frozenset(refs[profile.pk]): (
            sorted(_events_of(profile)),
            list(
                EventStat.objects.filter(profile=profile)
                .order_by("name__name")
                .values_list("name__name", "count", "sum", "first_at", "last_at")
            ),
            profile.traits,
        )
        for profile in Profile.objects.all()
    }


def _events_of(profile: Profile) -> list[Any]:
    events = Event.objects.filter(profile=profile).prefetch_related("identifier")
    return [(event.id, event.timestamp, event.value, str(event.identifier)) for event in events]
