"""The edges of consent: imports, browser signals, ends, legal bases, and grants of a part."""

from datetime import timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import ConsentBody, ConsentEvent, LegalBasis, Purpose
from consent.services import (
    PurposeTerms,
    TermsAreFixed,
    change_purpose,
    may_process,
    record,
    terms_with_changes,
    verify_digests,
    verify_states,
)
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.lib.database import database_now
from profiles.models import TrustLevel
from tests.consent.callers import BASE, customer, service
from tests.consent.inputs import consent_input
from tests.factories import (
    NOW,
    TESTER,
    make_profile,
    make_purpose,
    make_source,
    profile_of,
    send_messages,
)
from tests.tries import tries

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"
URL = f"{BASE}/consents/"
EVIDENCE = {"file": "old-shop.csv", "row": 12, "text": "Yes, write to me."}
IMPORT = {
    "identifier": ADA,
    "purpose": "newsletter",
    "state": "given",
    "method": "import",
    "occurred_at": "2024-05-01T10:00:00+02:00",
    "evidence": EVIDENCE,
}
ACTORS = (None, "subject", "guardian", "staff", "service", "import")
EACH = settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BASES = [str(basis) for basis in LegalBasis.values]
NEGATIVE = ("refused", "withdrawn", "invalidated")


def recorded(body: dict[str, Any]) -> dict[str, Any]:
    answer = service().post(URL, {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 201, answer.json()
    event: dict[str, Any] = answer.json()
    return event


# Imports


@EACH
@given(
    actor=st.sampled_from(ACTORS),
    state=st.sampled_from(["given", "renewed"]),
    fault=st.sampled_from(
        [
            {"occurred_at": None},
            {"occurred_at": "2024-05-01T10:00:00"},
            {"occurred_at": "2024-05-01T10:00"},
            {"occurred_at": "2099-05-01T10:00:00Z"},
            {"evidence": None},
            {"evidence": {}},
            {"evidence": {"note": "they said so"}},
            *({"evidence": EVIDENCE | {name: empty}} for name in EVIDENCE for empty in ("", " ")),
            *({"evidence": EVIDENCE | {name: None}} for name in EVIDENCE),
            *({"evidence": {k: v for k, v in EVIDENCE.items() if k != n}} for n in EVIDENCE),
            {"evidence": EVIDENCE | {"row": True}},
        ]
    ),
)
def test_an_import_without_time_or_proof_is_unknown_whoever_says_so(
    actor: str | None, state: str, fault: dict[str, Any]
) -> None:
    make_purpose() if not Purpose.objects.exists() else None
    event = recorded(IMPORT | {"actor": actor, "state": state} | fault)
    assert event["state"] == "unknown"
    assert not may_process(profile_of(ADA).pk, "newsletter", at=database_now())


@pytest.mark.parametrize("actor", ACTORS)
def test_an_import_with_time_and_proof_permits(actor: str | None) -> None:
    make_purpose(validity="P9Y")
    assert recorded(IMPORT | {"actor": actor})["state"] == "given"
    assert may_process(profile_of(ADA).pk, "newsletter", at=database_now())


@EACH
@given(state=st.sampled_from(NEGATIVE), at=st.sampled_from([None, "2024-05-01T10:00:00"]))
def test_an_imported_refusal_always_counts_from_its_receipt_where_undated(
    state: str, at: str | None
) -> None:
    make_purpose() if not Purpose.objects.exists() else None
    event = recorded(IMPORT | {"state": state, "occurred_at": at, "evidence": None})
    assert event["state"] == state
    assert event["occurred_at"] == event["received_at"]


def test_an_import_that_takes_an_objection_back_needs_proof_too() -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    objection = {"identifier": ADA, "kind": "objection", "state": "given", "method": "button"}
    recorded(objection)
    recorded(objection | {"state": "withdrawn", "method": "import"})
    assert not may_process(profile_of(ADA).pk, "offers", at=database_now())


# Ends


def test_a_consent_never_lasts_longer_than_its_purpose_lets_it() -> None:
    make_purpose(validity="P1M")
    profile = make_profile(ADA)
    event = record(consent_input(profile, valid_until=NOW + timedelta(days=4000)))
    assert event.valid_until == NOW.replace(month=4)
    shorter = record(consent_input(profile, valid_until=NOW + timedelta(days=3)))
    assert shorter.valid_until == NOW + timedelta(days=3)


def test_a_purpose_that_rests_on_consent_always_has_a_validity() -> None:
    body = {"key": "news", "title": "T", "text": "W", "legal_basis": "consent"}
    assert service().post(f"{BASE}/purposes/", body).json()["validity"] == "P24M"
    answer = service().patch(f"{BASE}/purposes/news/", {"validity": ""})
    assert answer.json()["validity"] == "P24M"
    other = service().post(f"{BASE}/purposes/", body | {"key": "b", "legal_basis": "contract"})
    assert other.json()["validity"] == ""


def test_another_validity_later_changes_no_consent_that_was_given() -> None:
    purpose = make_purpose(validity="P2M")
    profile = make_profile(ADA)
    record(consent_input(profile))
    for validity in ("P1M", "P9Y"):
        terms = terms_with_changes(purpose, {"validity": validity})
        change_purpose(purpose, terms=terms, is_substantial=False, now=NOW, actor=TESTER)
    assert may_process(profile.pk, "newsletter", at=NOW + timedelta(days=45))
    assert not may_process(profile.pk, "newsletter", at=NOW + timedelta(days=65))
    assert verify_states() == []


# Legal bases


def _new_terms(basis: str, is_marketing: bool) -> PurposeTerms:
    return PurposeTerms(title="T", text="W", legal_basis=basis, is_direct_marketing=is_marketing)


@pytest.mark.parametrize("state", [*NEGATIVE, "given", "requested", "objection", "expired"])
def test_terms_change_only_towards_the_stricter_once_somebody_decided(state: str) -> None:
    for number, (basis, flag, new_basis, new_flag) in enumerate(
        product(BASES, (False, True), BASES, (False, True))
    ):
        profile = make_profile(f"user_id:{number}")
        key = f"purpose-{number}"
        purpose = make_purpose(key, legal_basis=basis, is_direct_marketing=flag)
        kind = {"kind": "objection"} if state == "objection" else {}
        expired = {"valid_until": NOW - timedelta(days=1)} if state == "expired" else {}
        stated = "given" if state in ("objection", "expired") else state
        record(consent_input(profile, stated, purpose=key, **kind, **expired))
        before = may_process(profile.pk, key, at=NOW)
        is_stricter = new_basis in (basis, "consent") and new_flag >= flag
        try:
            change_purpose(
                purpose,
                terms=_new_terms(new_basis, new_flag),
                is_substantial=False,
                now=NOW,
                actor=TESTER,
            )
        except TermsAreFixed:
            assert not is_stricter
        else:
            assert is_stricter
            # What was refused is permitted by no change.
            assert before or not may_process(profile.pk, key, at=NOW)


def test_fixed_terms_are_a_conflict_and_a_new_purpose_inherits_the_refusals() -> None:
    client = service()
    make_purpose()
    profile = make_profile(ADA)
    record(consent_input(profile, "withdrawn"))
    answer = client.patch(f"{BASE}/purposes/newsletter/", {"legal_basis": "contract"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "terms_are_fixed")
    for basis in BASES:
        body = {"key": f"news-{basis}", "title": "T", "text": "W", "legal_basis": basis}
        made = client.post(f"{BASE}/purposes/", body | {"replaces": "newsletter"})
        assert (made.status_code, made.json()["replaces"]) == (201, "newsletter")
        assert not may_process(profile.pk, f"news-{basis}", at=NOW)
    assert verify_states() == []
    unknown = client.post(f"{BASE}/purposes/", body | {"key": "x", "replaces": "nothing"})
    assert unknown.status_code == 400


# Browser signals


@pytest.mark.parametrize(
    "change",
    [
        *({"state": state} for state in ("given", "renewed", "requested", "unknown")),
        {"kind": "objection", "state": "withdrawn"},
    ],
)
def test_a_browser_signal_can_only_refuse(change: dict[str, str]) -> None:
    make_purpose()
    body = {"identifier": ADA, "purpose": "newsletter", "method": "gpc"} | change
    answer = service().post(URL, body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "state")
    assert not ConsentEvent.objects.exists()


def browse(*messages: dict[str, Any], is_opted_out: bool = True) -> None:
    batch = [
        {"type": "page", "anonymousId": "browser-1", "name": "Home"} | message
        for message in messages
    ]
    accept(
        InboxBody("", msgspec.json.encode({"batch": batch})),
        source_id=make_source(key="web").pk,
        trust=TrustLevel.CLAIM,
        message_count=len(batch),
        is_opted_out=is_opted_out,
    )
    drain_inbox()


CHOICE = {
    "type": "track",
    "event": "Segment Consent Preference Updated",
    "properties": {"consent": {"categoryPreferences": {"sale": True}}},
}


def test_a_signal_is_written_once_with_the_header_alone_as_its_evidence() -> None:
    assert "sale" in django_settings.GPC_CATEGORIES
    make_purpose("sale")
    for _ in range(3):
        browse({}, {}, {"name": "Shop", "context": {"ip": "192.0.2.1"}})
    assert ConsentEvent.objects.values_list("method", "state").get() == ("gpc", "refused")
    assert ConsentBody.objects.get().evidence == {"header": "Sec-GPC"}


def test_a_signal_says_nothing_new_where_the_person_refused_already() -> None:
    make_purpose("sale")
    browse({"context": {"consent": {"categoryPreferences": {"sale": False}}}}, is_opted_out=False)
    browse({})
    assert list(ConsentEvent.objects.values_list("method", flat=True)) == ["checkbox"]


@pytest.mark.parametrize("has_signalled_before", [False, True])
@pytest.mark.parametrize("has_refused_before", [False, True])
def test_a_grant_given_while_the_signal_was_on_stands(
    has_signalled_before: bool, has_refused_before: bool
) -> None:
    make_purpose("sale")
    if has_refused_before:
        refusal = {"consent": {"categoryPreferences": {"sale": False}}}
        browse({"context": refusal}, is_opted_out=False)
    if has_signalled_before:
        browse({})
    browse(CHOICE)
    profile = profile_of("anonymous_id:browser-1")
    assert may_process(profile.pk, "sale", at=database_now())
    browse({}, {"name": "Shop"})
    assert may_process(profile.pk, "sale", at=database_now())


def test_a_signal_refuses_what_was_granted_before_it_and_what_pages_only_repeat() -> None:
    make_purpose("sale")
    browse(CHOICE, is_opted_out=False)
    profile = profile_of("anonymous_id:browser-1")
    assert may_process(profile.pk, "sale", at=database_now())
    browse({"context": {"consent": {"categoryPreferences": {"sale": True}}}})
    assert not may_process(profile.pk, "sale", at=database_now())


# Grants of a part


def give(address: str) -> None:
    url = f"{BASE}/privacy/me/consents/"
    answer = customer(address).post(url, {"purpose": "newsletter", "state": "given"})
    assert answer.status_code == 201, answer.json()


def test_a_grant_reaches_past_devices_that_only_claims_tied_to_the_address() -> None:
    make_purpose()
    message = {"anonymousId": "browser-1", "traits": {"email": "ada@example.org"}}
    send_messages(message, trust=TrustLevel.CLAIM)
    give("ada@example.org")
    assert may_process(profile_of(ADA).pk, "newsletter", at=database_now())


@pytest.mark.parametrize("other", ["user_id:7", "phone:+33612345678", "email:bob@example.org"])
def test_a_grant_of_a_part_binds_only_while_nothing_else_names_the_profile(other: str) -> None:
    make_purpose()
    profile = make_profile(ADA, other)
    give("ada@example.org")
    assert not may_process(profile.pk, "newsletter", at=database_now())
    event = ConsentEvent.objects.get()
    assert event.reached_identifier_ids
    assert verify_digests() == []
    url = f"{BASE}/privacy/me/consents/"
    customer("ada@example.org").post(url, {"purpose": "newsletter", "state": "withdrawn"})
    assert ConsentEvent.objects.latest("seq").reached_identifier_ids is None


def test_the_grant_of_a_whole_profile_stays_when_it_gains_an_identifier() -> None:
    make_purpose()
    send_messages({"userId": "u-1", "traits": {"email": "ada@example.org"}})
    give("ada@example.org")
    send_messages({"userId": "u-1", "traits": {"phone": "+33612345678"}})
    assert may_process(profile_of(ADA).pk, "newsletter", at=database_now())
    assert verify_states() == []


def test_states_follow_a_fact_that_vouches_for_the_profile() -> None:
    make_purpose("sale")
    browse(CHOICE, is_opted_out=False)
    send_messages({"userId": "u-1", "anonymousId": "browser-1"})
    assert verify_states() == []
    assert not may_process(profile_of("user_id:u-1").pk, "sale", at=database_now())
