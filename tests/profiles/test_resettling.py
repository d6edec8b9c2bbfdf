"""After a partial erasure, profiles are what the remaining facts give."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.requests.erasure import erase_person
from profiles.identity.verify import find_drift
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Event, Identifier, Merge, Profile, TrustLevel
from profiles.registry import Person
from profiles.services import resettle
from tests.factories import profile_of, send_messages
from tests.tries import tries


def erase(reference: str) -> None:
    """Erase one identifier of its profile, as when a customer proved no other."""
    namespace, _, value = reference.partition(":")
    identifier = Identifier.objects.get(namespace=namespace, value=value)
    if identifier.profile is None:
        return
    with transaction.atomic():
        people_lock()
        profile = identifier.profile
        erase_person(Person(profile.pk, str(profile.uuid), (identifier.pk,), (reference,)))
        resettle([profile.pk], now=database_now())


def claim(anonymous: str, email: str) -> dict[str, Any]:
    return {"type": "identify", "anonymousId": anonymous, "traits": {"email": email}}


def view(anonymous: str) -> dict[str, Any]:
    return {"type": "track", "anonymousId": anonymous, "event": "Viewed"}


@pytest.mark.django_db
def test_two_browsers_that_only_an_erased_address_joined_are_two_people_again() -> None:
    send_messages(claim("a1", "ada@x.org"), view("a1"), source="web", trust=TrustLevel.CLAIM)
    send_messages(claim("a2", "ada@x.org"), view("a2"), source="web", trust=TrustLevel.CLAIM)
    before = profile_of("anonymous_id:a1")
    assert profile_of("anonymous_id:a2") == before
    erase("email:ada@x.org")
    first, second = profile_of("anonymous_id:a1"), profile_of("anonymous_id:a2")
    assert first == before
    assert second != first
    assert [event.profile for event in Event.objects.order_by("identifier_id")] == [first, second]
    assert not Identifier.objects.filter(namespace="email").exists()
    assert list(find_drift()) == []


@pytest.mark.django_db
def test_people_whom_only_an_erased_user_id_kept_apart_join_and_their_uuids_keep_resolving() -> (
    None
):
    first = {"type": "identify", "userId": "u1", "traits": {"email": "ada@x.org"}}
    second = {"type": "identify", "userId": "u2", "traits": {"email": "ada@x.org"}}
    send_messages(first, source="shop")
    send_messages(second, source="shop")
    older, younger = profile_of("email:ada@x.org"), profile_of("user_id:u2")
    assert older != younger
    erase("user_id:u1")
    assert profile_of("user_id:u2") == profile_of("email:ada@x.org") == older
    assert profile_of(f"profile:{younger.uuid}") == older
    assert Merge.objects.get().absorbed_uuid == younger.uuid
    assert not Profile.objects.filter(pk=younger.pk).exists()
    assert list(find_drift()) == []


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    who = {
        "userId": draw(st.sampled_from([None, "u1", "u2"])),
        "anonymousId": draw(st.sampled_from(["a1", "a2", "a3"])),
    }
    email = draw(st.sampled_from([None, "e1@x.org", "e2@x.org"]))
    traits = {"city": draw(st.sampled_from(["Lyon", "Rome"]))} | ({"email": email} if email else {})
    return who | {"type": "identify", "traits": traits}


requests = st.tuples(
    st.lists(messages(), min_size=1, max_size=3),
    st.sampled_from([TrustLevel.CLAIM, TrustLevel.SERVER]),
)


@settings(
    deadline=None,
    max_examples=tries(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    history=st.lists(requests, min_size=1, max_size=8),
    erased=st.sampled_from(["user_id:u1", "email:e1@x.org", "anonymous_id:a1"]),
)
@pytest.mark.django_db
def test_whatever_is_erased_what_is_left_equals_a_replay(history: Any, erased: str) -> None:
    with transaction.atomic():
        for batch, trust in history:
            send_messages(*batch, source="web", trust=trust)
        namespace, _, value = erased.partition(":")
        if Identifier.objects.filter(namespace=namespace, value=value).exists():
            erase(erased)
        assert list(find_drift()) == []
        transaction.set_rollback(True)
