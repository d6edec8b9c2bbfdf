"""An erasure finds the rejected messages that name somebody, and opens no others."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.services import NewRequest, act_on_requests, open_request
from ingestion.inbox.body import unpack_message
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.name_hashes import hashes_of, names_in
from ingestion.models import RejectedMessage
from ingestion.services import Operation, Verb, mend_messages
from profiles.lib.spellings import Normaliser
from tests.factories import TESTER, send_messages

ADA = "ada@example.org"
CARD = {"id": "Card-7", "type": "card", "collection": "users", "encoding": "none"}
# Places of a message that cannot be taken, in which it names or mentions Ada.
NAMING: dict[str, dict[str, Any]] = {
    "user id": {"userId": ADA},
    "spelled otherwise": {"userId": "u9", "traits": {"email": " ADA@Example.ORG "}},
    "telephone": {"userId": "u9", "context": {"traits": {"phone": "06 98 76 54 32"}}},
    "external id": {"userId": "u9", "context": {"externalIds": [CARD]}},
    "device": {"userId": "u9", "context": {"device": {"type": "iOS", "id": "dev-7"}}},
    "text": {"userId": "u9", "properties": {"note": f"call <{ADA}> today"}},
    "address of a page": {"userId": "u9", "properties": {"url": "/a?m=ada%40example.org"}},
    "key": {"userId": "u9", "properties": {ADA: 1}},
    "message id": {"userId": "u9", "messageId": f"mail <{ADA}>"},
}


def know_ada() -> None:
    context = {"externalIds": [CARD], "device": {"type": "ios", "id": "dev-7"}}
    traits = {"email": ADA, "phone": "+33698765432"}
    send_messages({"userId": "u1", "traits": traits, "context": context})


def erase_ada() -> None:
    new_request = NewRequest(kind="erasure", references=(f"email:{ADA}",), reason="asked")
    open_request(new_request, door="service", actor=TESTER)
    assert act_on_requests() == 1


def reject(*messages: dict[str, Any]) -> None:
    send_messages(*({"type": "bogus"} | message for message in messages))


@pytest.mark.django_db
@pytest.mark.parametrize("place", NAMING)
def test_what_names_the_person_goes_and_nothing_else_is_opened(place: str) -> None:
    know_ada()
    reject(*({"userId": f"other-{number}"} for number in range(30)))
    # Whoever opens these fails: they are no compressed messages.
    RejectedMessage.objects.update(body=b"not to be opened")
    reject(NAMING[place])
    assert RejectedMessage.objects.count() == 31
    erase_ada()
    assert set(RejectedMessage.objects.values_list("body", flat=True)) == {b"not to be opened"}


@pytest.mark.django_db
def test_rows_of_before_and_mended_ones_are_found_too() -> None:
    know_ada()
    reject({"userId": "u9", "properties": {"note": ADA}})
    RejectedMessage.objects.update(names=None)
    reject({"userId": "u9", "name": "x", "properties": {"old": 1}}, {"userId": "other"})
    rules = [
        Operation(Verb.SET, "type", value="identify"),
        Operation(Verb.SET, "properties.old", value=ADA),
    ]
    mended = RejectedMessage.objects.exclude(names=None).order_by("pk")[:1]
    report = mend_messages(RejectedMessage.objects.filter(pk__in=mended), rules, actor=TESTER)
    assert report.mended == 1
    erase_ada()
    (left,) = RejectedMessage.objects.all()
    assert b"other" in unpack_message(left.body)


TEXTS = st.sampled_from([ADA, "06 98 76 54 32", "u1", "AbC", "İx", 42, True, None, ["a"], {}])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "userId": TEXTS,
        "anonymousId": TEXTS,
        "previousId": TEXTS,
        "traits": st.dictionaries(st.sampled_from(["email", "phone", "x", ADA]), TEXTS),
        "context": st.fixed_dictionaries(
            {},
            optional={
                "traits": st.dictionaries(st.sampled_from(["email", "phone"]), TEXTS),
                "device": st.fixed_dictionaries({"type": TEXTS, "id": TEXTS}),
                "externalIds": st.lists(st.fixed_dictionaries({"type": TEXTS, "id": TEXTS})),
            },
        ),
    },
)


@given(BODIES, st.dictionaries(st.sampled_from(["AbC", "u1"]), st.sampled_from(list(Normaliser))))
@example({"context": {"externalIds": [{"type": "AbC", "id": "AbC"}]}}, {"AbC": Normaliser.LOWER})
def test_whatever_staff_choose_later_the_hashes_hold_all_that_opening_would_find(
    content: dict[str, Any], normalisers: dict[str, str]
) -> None:
    body = msgspec.json.encode(content)
    found = hashes_of(references_in(body, normalisers))
    assert set(found) <= set(names_in(body))
