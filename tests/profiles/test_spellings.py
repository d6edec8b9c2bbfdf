"""Staff choose how the values of a namespace are spelled alike, before the first one comes."""

from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import example, given
from hypothesis import strategies as st

from consent.services import NewRequest, act_on_requests, open_request
from ingestion.drain import checkpoints
from ingestion.models import DroppedCount, RejectedMessage
from ingestion.services import drain_inbox
from profiles.identifiers.lookup import profiles_by_reference
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib.checkpoints import handled
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models import Identifier, IdentityRule
from profiles.services import save_identity_rule
from tests.factories import TESTER, accept_only, make_client, send_messages

SPELLINGS = {
    Normaliser.LOWER: ("AbC-7", "abc-7", " ABC-7 ", "abc\u200b-7"),
    Normaliser.EMAIL: ("Ada@Example.org", "ada@example.org", "ADA@EXAMPLE.ORG"),
    Normaliser.PHONE: ("06 12 34 56 78", "+33612345678", "+33 (0)6 12 34 56 78", "0033612345678"),
}
ALIKE = [(kind, *pair) for kind, texts in SPELLINGS.items() for pair in pairwise(texts)]
CARD = "card"


def choose(normaliser: str, namespace: str = CARD, **fields: Any) -> None:
    rule = IdentityRule.objects.filter(namespace=namespace).first()
    rule = rule or IdentityRule(namespace=namespace, priority=50)
    rule.normaliser = normaliser
    for name, value in fields.items():
        setattr(rule, name, value)
    save_identity_rule(rule, actor=TESTER)


def with_card(value: Any, **message: Any) -> dict[str, Any]:
    entry = {"id": value, "type": CARD, "collection": "users", "encoding": "none"}
    return {"context": {"externalIds": [entry]}} | message


def cards() -> list[str]:
    return list(Identifier.objects.filter(namespace=CARD).values_list("value", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize(("normaliser", "one", "other"), ALIKE)
def test_what_is_spelled_alike_is_one_person_at_every_door(
    normaliser: str, one: str, other: str
) -> None:
    choose(normaliser)
    send_messages(with_card(one, anonymousId="a1"), with_card(other, anonymousId="a2"))
    assert len(cards()) == 1
    people = profiles_by_reference([f"{CARD}:{one}", f"{CARD}:{other}", "anonymous_id:a1"])
    assert len(set(people.values())) == 1
    assert len(people) == 3
    client = make_client()
    body = {"identifiers": [f"{CARD}:{one}", f"{CARD}:{other}"]}
    first, second = client.post("/api/v1/profiles/lookup/", body, format="json").json()["results"]
    assert first["id"] == second["id"]


@pytest.mark.django_db
def test_without_a_choice_values_are_as_sent() -> None:
    send_messages(with_card("AbC", anonymousId="a1"), with_card("abc", anonymousId="a2"))
    assert cards() == ["AbC", "abc"]


@pytest.mark.django_db
@pytest.mark.parametrize("normaliser", [Normaliser.LOWER, Normaliser.PHONE, Normaliser.EMAIL])
def test_a_spelling_stays_once_it_named_somebody(normaliser: str) -> None:
    send_messages(with_card("AbC", anonymousId="a1"))
    with pytest.raises(ValidationError, match="keep their spelling"):
        choose(normaliser)
    choose(Normaliser.AS_SENT, limit_count=3)
    assert IdentityRule.objects.get(namespace=CARD).limit_count == 3


@pytest.mark.django_db
@pytest.mark.parametrize("namespace", sorted(OWN_NORMALISERS))
def test_what_tessera_spells_itself_is_no_choice(namespace: str) -> None:
    others = [choice for choice in Normaliser if choice != OWN_NORMALISERS[namespace]]
    for normaliser in others:
        with pytest.raises(ValidationError, match="spelling of its own"):
            choose(normaliser, namespace)


def erase(reference: str) -> None:
    new_request = NewRequest(kind="erasure", references=(reference,), reason="asked")
    open_request(new_request, door="service", actor=TESTER)
    assert act_on_requests() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("normaliser", "one", "other"), ALIKE)
def test_the_erased_stay_out_under_every_spelling(normaliser: str, one: str, other: str) -> None:
    choose(normaliser)
    send_messages(with_card(one, anonymousId="a1"))
    erase(f"{CARD}:{one}")
    send_messages(with_card(other, anonymousId="a2"), with_card(one, anonymousId="a3"))
    assert cards() == []
    # Nobody has the namespace any more, and its spelling stays all the same.
    with pytest.raises(ValidationError, match="keep their spelling"):
        choose(Normaliser.AS_SENT)


@pytest.mark.django_db
def test_a_value_that_cannot_be_spelled_does_not_cost_the_message() -> None:
    choose(Normaliser.PHONE)
    send_messages(with_card("not a number", anonymousId="a1"))
    assert cards() == []
    assert not RejectedMessage.objects.exists()
    assert profiles_by_reference(["anonymous_id:a1"])


@pytest.mark.django_db
def test_what_is_blocked_is_blocked_as_it_is_spelled() -> None:
    choose(Normaliser.LOWER, blocked_values=["Desk-*"])
    send_messages(with_card("DESK-1", anonymousId="a1"), with_card("Till-1", anonymousId="a2"))
    assert cards() == ["till-1"]


@pytest.mark.django_db
def test_a_spelling_chosen_while_a_chunk_waits_holds_for_it() -> None:
    accept_only(with_card("AbC", type="track", event="Seen", anonymousId="a1"))
    with (
        transaction.atomic(),
        handled(checkpoints.BEFORE_PEOPLE_LOCK, lambda _: choose(Normaliser.LOWER)),
    ):
        drain_inbox()
    assert cards() == ["abc"]
    assert not DroppedCount.objects.exists()


@example("\u0130" * 200, Normaliser.LOWER)
@example("\u1e9e\u0345\u03a3", Normaliser.LOWER)
@given(st.text(max_size=80), st.sampled_from(list(Normaliser)))
def test_spelling_a_spelled_value_changes_nothing(text: str, normaliser: Normaliser) -> None:
    try:
        once = normalise(CARD, text, region="FR", normaliser=normaliser)
    except InvalidIdentifier:
        return
    assert normalise(CARD, once, region="FR", normaliser=normaliser) == once
    assert len(once) <= 255
