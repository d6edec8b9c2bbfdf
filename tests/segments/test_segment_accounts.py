"""Members of a segment by account: as many as belong to it and permit the purpose."""

from collections import Counter

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.services import drain_inbox
from profiles.models import TrustLevel
from profiles.services import accounts_of
from segments.models import Membership
from segments.services import create_segment, rebuild
from tests.factories import (
    TESTER,
    accept_only,
    make_client,
    make_purpose,
    profile_of,
    send_messages,
)
from tests.segments.exporting import permit
from tests.segments.listening import LYON
from tests.tries import tries

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/segments/lyon/accounts/"
joins = st.tuples(
    st.sampled_from(["u1", "u2", "u3", "u4"]),
    st.sampled_from(["acme", "bell", "crane"]),
    st.sampled_from([TrustLevel.SERVER, TrustLevel.CLAIM]),
)


def live_in(cities: dict[str, str]) -> None:
    send_messages(*({"userId": who, "traits": {"city": city}} for who, city in cities.items()))


def make_lyon() -> None:
    create_segment(key="lyon", name="Lyon", definition=LYON, status="live", actor=TESTER)
    rebuild(["lyon"])


def naive_counts() -> dict[str, int]:
    members = list(Membership.objects.values_list("profile_id", flat=True))
    return dict(
        Counter(
            each.account.key
            for accounts in accounts_of(members).values()
            for each in accounts
            if each.counts
        )
    )


@settings(max_examples=tries(40), deadline=None)
@given(joined=st.lists(joins, max_size=8))
def test_each_account_has_the_members_that_a_naive_count_finds(
    joined: list[tuple[str, str, TrustLevel]],
) -> None:
    with transaction.atomic():
        live_in({"u1": "Lyon", "u2": "Lyon", "u3": "Nice", "u4": "Lyon"})
        for number, (who, account, trust) in enumerate(joined):
            call = {"type": "group", "userId": who, "groupId": account, "messageId": str(number)}
            accept_only(call, trust=trust)
        drain_inbox()
        make_lyon()
        results = make_client().get(ROUTE).json()["results"]
        assert {row["account"]: row["people"] for row in results} == naive_counts()
        transaction.set_rollback(True)


def test_only_who_permits_is_counted_for_a_purpose_and_pages_follow_each_other() -> None:
    purpose = make_purpose("newsletter")
    live_in({"u1": "Lyon", "u2": "Lyon"})
    for account in ("acme", "bell", "crane"):
        calls = ({"type": "group", "userId": who, "groupId": account} for who in ("u1", "u2"))
        send_messages(*calls)
    make_lyon()
    permit(profile_of("user_id:u1"), purpose)
    client, found, url = make_client(), {}, f"{ROUTE}?purpose=newsletter&page_size=2"
    while url:
        page = client.get(url).json()
        assert len(page["results"]) <= 2
        found |= {row["account"]: row["people"] for row in page["results"]}
        url = page["next"]
    assert found == {"acme": 1, "bell": 1, "crane": 1}
    everybody = client.get(ROUTE).json()["results"]
    assert {row["people"] for row in everybody} == {2}
