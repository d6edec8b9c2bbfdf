"""The consent ledger and the consent states, through the database."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from consent.models import ConsentBody, ConsentEvent, ConsentState, NoticeVersion, PurposeVersion
from consent.services import (
    PurposeTerms,
    TermsAreFixed,
    UnknownPurpose,
    add_notice,
    change_purpose,
    consent_proof,
    current_states,
    may_process,
    rebuild_states,
    record,
    record_many,
    seal_ledger,
    signed_proof,
    terms_with_changes,
    verify_digests,
    verify_states,
)
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Merge, Profile, ProfileChange, TrustLevel
from profiles.services import identify
from tests.consent.inputs import consent_input
from tests.factories import NOW, TESTER, make_profile, make_purpose, make_source

pytestmark = pytest.mark.django_db


def state_of(profile: Profile, purpose: str = "newsletter") -> dict[str, Any]:
    return current_states([profile.pk], at=NOW)[profile.pk][purpose]


def test_a_consent_written_down_permits_until_it_ends() -> None:
    make_purpose(validity="P13M")
    profile = make_profile("email:ada@example.org")
    event = record(consent_input(profile))
    assert event.valid_until == NOW.replace(year=2027, month=4)
    assert may_process(profile.pk, "newsletter", at=NOW)
    assert not may_process(profile.pk, "newsletter", at=event.valid_until)
    assert state_of(profile) == {
        "state": "given",
        "basis": "consent",
        "objected": False,
        "permitted": True,
        "valid_until": event.valid_until,
    }


def test_validity_counts_from_when_a_consent_takes_effect() -> None:
    make_purpose(validity="P1M")
    profile = make_profile("email:ada@example.org")
    event = record(consent_input(profile, occurred_at=NOW + timedelta(days=900)))
    assert event.valid_until == NOW.replace(month=4)


def test_the_same_idempotency_key_writes_one_event() -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    first = record(consent_input(profile, idempotency_key="form-1"))
    again = record(consent_input(profile, "withdrawn", idempotency_key="form-1"))
    both = record_many(
        [consent_input(profile, idempotency_key=key) for key in ("form-1", "form-2", "form-2")]
    )
    assert again == first
    assert both[0] == first.pk
    assert both[1] == both[2]
    assert ConsentEvent.objects.count() == ConsentBody.objects.count() == 2
    assert "form-1" not in str(first.idempotency_key)


def test_an_unknown_purpose_writes_nothing() -> None:
    profile = make_profile("email:ada@example.org")
    make_purpose()
    with pytest.raises(UnknownPurpose):
        record_many([consent_input(profile), consent_input(profile, purpose="unheard-of")])
    assert not ConsentEvent.objects.exists()


def test_an_import_without_evidence_is_written_as_unknown() -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    assert record(consent_input(profile, actor="import", method="import")).state == "unknown"
    evidence = {"file": "2019.csv", "row": 7, "text": "Yes, write to me."}
    proven = consent_input(profile, actor="import", method="import", evidence=evidence)
    assert record(proven).state == "given"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_consentevent SET state = 'given'",
        "DELETE FROM consent_consentevent",
        "TRUNCATE consent_consentevent CASCADE",
        "UPDATE consent_purposeversion SET text = ''",
        "DELETE FROM consent_purposeversion",
        "TRUNCATE consent_purposeversion CASCADE",
        "UPDATE consent_noticeversion SET content = ''",
        "DELETE FROM consent_noticeversion",
        "TRUNCATE consent_noticeversion CASCADE",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_written(statement: str) -> None:
    make_purpose()
    record(consent_input(make_profile("email:ada@example.org"), "withdrawn"))
    add_notice(key="form", language="en", content="We write to you.", shown_from=NOW, actor=TESTER)
    # Triggers refuse it to the owner, too.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)


def test_evidence_may_hold_numbers_of_any_kind() -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    numbers = [Decimal("19.990"), Decimal("1e400"), Decimal("0.1234567890123456789"), 10**30, -0.0]
    event = record(consent_input(profile, evidence={"context": {"numbers": numbers}}))
    stored = ConsentBody.objects.get(event=event).evidence["context"]["numbers"]
    assert stored[:2] == [19.99, "1E+400"]
    assert verify_digests() == []


def test_a_body_that_was_changed_is_found() -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    event = record(
        consent_input(profile, evidence={"page": "/join", "amount": 10.0, "ratio": 1e22})
    )
    assert verify_digests() == []
    ConsentBody.objects.filter(event=event).update(evidence={"page": "/other"})
    assert verify_digests() == [event.pk]


def test_states_that_drifted_are_found_and_rebuilt(capsys: pytest.CaptureFixture[str]) -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    record(consent_input(profile, "withdrawn"))
    call_command("verify_ledger")
    ConsentState.objects.update(state="given")
    ConsentState.objects.create(profile_id=10**6, purpose_id=profile.pk, state="given", version=1)
    assert len(verify_states()) == 2
    with pytest.raises(SystemExit):
        call_command("verify_ledger")
    assert "2 states differ" in capsys.readouterr().out
    rebuild_states([profile.pk, 10**6])
    assert verify_states() == []


def test_only_a_changed_state_wakes_the_segments() -> None:
    make_purpose()
    profile = make_profile("email:ada@example.org")
    record(consent_input(profile))
    assert list(ProfileChange.objects.values_list("profile_id", flat=True)) == [profile.pk]
    record(consent_input(profile, "requested", occurred_at=NOW + timedelta(hours=1)))
    assert ProfileChange.objects.count() == 1


def test_writing_down_a_thousand_events_takes_as_many_queries_as_ten() -> None:
    make_purpose()
    profiles = [make_profile(f"email:person-{number}@example.org") for number in range(60)]

    def count_queries(profiles: list[Profile], count: int) -> int:
        inputs = [consent_input(profiles[number % len(profiles)]) for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            record_many(inputs)
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    assert count_queries(profiles[:50], 1000) == count_queries(profiles[50:], 10) <= 14


def test_a_substantial_version_asks_for_consent_again() -> None:
    purpose = make_purpose()
    profile = make_profile("email:ada@example.org")
    record(consent_input(profile))
    terms = terms_with_changes(purpose, {"text": "More."})
    change_purpose(
        purpose, terms=terms, is_substantial=False, now=NOW + timedelta(days=1), actor=TESTER
    )
    assert state_of(profile)["permitted"]
    ProfileChange.objects.all().delete()
    change_purpose(
        purpose, terms=terms, is_substantial=True, now=NOW + timedelta(days=2), actor=TESTER
    )
    assert (state_of(profile)["state"], state_of(profile)["permitted"]) == ("requested", False)
    assert ProfileChange.objects.filter(profile_id=profile.pk).exists()
    late = NOW + timedelta(days=3)
    record(consent_input(profile, occurred_at=NOW + timedelta(hours=1), received_at=late))
    assert not state_of(profile)["permitted"], (
        "a consent that comes late is to the text of its time"
    )
    record(consent_input(profile, occurred_at=late, received_at=late))
    assert state_of(profile)["permitted"]


def test_a_general_objection_covers_marketing_purposes_made_later() -> None:
    profile = make_profile("email:ada@example.org")
    make_purpose("care", legal_basis="legitimate_interest")
    record(consent_input(profile, kind="objection", purpose=None))
    offers = make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    assert not may_process(profile.pk, "offers", at=NOW)
    assert may_process(profile.pk, "care", at=NOW)
    terms = terms_with_changes(offers, {"is_direct_marketing": False})
    with pytest.raises(TermsAreFixed):
        change_purpose(offers, terms=terms, is_substantial=False, now=NOW, actor=TESTER)
    assert not may_process(profile.pk, "offers", at=NOW)
    assert verify_states() == []


def test_states_follow_a_merge_and_the_refusal_holds() -> None:
    make_purpose()
    source = make_source()
    with transaction.atomic():
        people_lock()
        pks = [
            identify([reference], source=source, trust=TrustLevel.SERVER, now=NOW)
            for reference in ("user_id:1", "email:ada@example.org")
        ]
        survivor, absorbed = (Profile.objects.get(pk=pk) for pk in pks)
        early = NOW - timedelta(days=2)
        record(consent_input(absorbed, "withdrawn", occurred_at=early, received_at=early))
        late = NOW - timedelta(days=1)
        record(consent_input(survivor, occurred_at=late, received_at=late))
        identify(
            ["user_id:1", "email:ada@example.org"], source=source, trust=TrustLevel.SERVER, now=NOW
        )
    assert Merge.objects.count() == 1
    assert not Profile.objects.filter(pk=absorbed.pk).exists()
    assert state_of(survivor)["state"] == "withdrawn"
    assert not ConsentState.objects.filter(profile_id=absorbed.pk).exists()
    assert verify_states() == []


def test_a_proof_says_who_what_when_how_where_and_until_when() -> None:
    make_purpose(validity="P1Y")
    notice = add_notice(
        key="form", language="en", content="We write to you.", shown_from=NOW, actor=TESTER
    )
    profile = make_profile("email:ada@example.org")
    event = record(
        consent_input(profile, notice_id=notice.pk, evidence={"page": "/join"}, recorded_by="Shop")
    )
    proof = consent_proof(event.pk)
    assert proof["who"] == "email:ada@example.org"
    assert proof["text"]["text"] == "Why we do newsletter."
    assert proof["notice"]["sha256"] == notice.digest
    assert proof["where"]["evidence"] == {"page": "/join"}
    assert proof["until"] == event.valid_until
    assert proof["is_intact"] is True
    Identifier.objects.filter(namespace="email").delete()
    ConsentBody.objects.all().delete()
    assert "ada@" not in str(consent_proof(event.pk))


def test_the_command_prints_the_proof_and_says_so_where_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_purpose()
    event = record(consent_input(make_profile("email:ada@example.org")))
    call_command("consent_proof", str(event.pk))
    assert json.loads(capsys.readouterr().out)["digest"] == event.digest
    with pytest.raises(CommandError, match="No consent event"):
        call_command("consent_proof", "00000000-0000-0000-0000-000000000000")


def test_the_same_notice_again_is_the_one_that_is_there() -> None:
    first = add_notice(key="form", language="en", content="Words.", shown_from=NOW, actor=TESTER)
    assert (
        add_notice(key="form", language="en", content="Words.", shown_from=NOW, actor=TESTER)
        == first
    )
    add_notice(key="form", language="en", content="Other words.", shown_from=NOW, actor=TESTER)
    assert NoticeVersion.objects.count() == 2


def test_a_purpose_keeps_all_its_versions() -> None:
    purpose = make_purpose(categories=["contact"])
    terms = PurposeTerms(title="T", text="New.", legal_basis="contract")
    change_purpose(purpose, terms=terms, is_substantial=True, now=NOW, actor=TESTER)
    assert purpose.legal_basis == "contract"
    assert list(PurposeVersion.objects.order_by("number").values_list("text", flat=True)) == [
        "Why we do newsletter.",
        "New.",
    ]


def test_a_proof_has_the_words_that_were_shown_its_link_and_a_signature(client: Any) -> None:
    make_purpose()
    notice = add_notice(
        key="form", language="en", content="We write to you.", shown_from=NOW, actor=TESTER
    )
    events = [
        record(consent_input(make_profile(f"user_id:{number}"), notice_id=notice.pk))
        for number in range(2)
    ]
    assert consent_proof(events[1].pk)["chain"] is None
    seal_ledger()
    proof = consent_proof(events[1].pk)
    assert proof["notice"]["text"] == "We write to you."
    first, second = (consent_proof(event.pk)["chain"] for event in events)
    assert (first["previous"], second["previous"]) == (None, first["hash"])
    assert second["head"] == f"2:{second['hash']}"
    [key] = client.get("/.well-known/jwks.json").json()["keys"]
    content = jwt.decode(signed_proof(proof), jwt.PyJWK(key), algorithms=["EdDSA"])
    assert content["notice"]["text"] == "We write to you."
    assert content["chain"]["hash"] == second["hash"]
