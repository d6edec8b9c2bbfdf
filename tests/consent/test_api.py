"""Purposes, notices and the ledger over HTTP: bodies, filters, scopes and query counts."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from consent.models import ConsentBody, ConsentEvent, NoticeVersion, Purpose
from consent.services import record
from profiles.models import Identifier, Profile
from tests.consent.callers import BASE, service
from tests.consent.inputs import consent_input
from tests.factories import NOW, make_profile, make_purpose

pytestmark = pytest.mark.django_db
PURPOSE = {"key": "newsletter", "title": "News", "text": "We write.", "legal_basis": "consent"}
ADA = "email:ada@example.org"
NOWHERE = "00000000-0000-4000-8000-000000000000"
ALL_SCOPES = (
    "events:write",
    "profiles:read",
    "profiles:write",
    "segments:read",
    "segments:write",
    "consent:read",
    "consent:write",
    "privacy:act",
    "privacy:admin",
)


def code_and_path(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["path"]


@pytest.mark.parametrize(
    ("method", "route", "scope"),
    [
        ("get", "purposes/", "consent:read"),
        ("get", "purposes/newsletter/", "consent:read"),
        ("post", "purposes/", "privacy:admin"),
        ("patch", "purposes/newsletter/", "privacy:admin"),
        ("get", "notices/", "consent:read"),
        ("post", "notices/", "privacy:admin"),
        ("get", "consents/", "consent:read"),
        ("post", "consents/", "consent:write"),
        ("post", "consents/state/", "consent:read"),
        ("get", "privacy/requests/", "privacy:act"),
        ("post", "privacy/requests/", "privacy:act"),
        ("get", f"privacy/requests/{NOWHERE}/", "privacy:act"),
        ("get", f"privacy/requests/{NOWHERE}/archive/", "privacy:act"),
    ],
)
def test_each_route_asks_for_its_own_scope(method: str, route: str, scope: str) -> None:
    make_purpose()
    url = f"{BASE}/{route}"
    without = service(*(other for other in ALL_SCOPES if other != scope))
    assert getattr(without, method)(url, {}).status_code == 403
    assert getattr(service(scope), method)(url, {}).status_code in (200, 400, 404)
    assert getattr(APIClient(), method)(url, {}).status_code == 401


def test_a_purpose_is_made_read_and_listed() -> None:
    client = service()
    body = PURPOSE | {
        "validity": "P13M",
        "is_direct_marketing": True,
        "categories": ["contact"],
        "recipients": ["the printer"],
        "transfer_countries": ["CH"],
    }
    made = client.post(f"{BASE}/purposes/", body)
    assert made.status_code == 201
    assert made.json().items() >= (body | {"version": 1, "minimum_version": 1}).items()
    assert client.get(f"{BASE}/purposes/newsletter/").json() == made.json()
    assert client.get(f"{BASE}/purposes/").json()["results"] == [made.json()]


def test_a_change_is_a_new_version_and_what_is_left_out_stays() -> None:
    client = service()
    client.post(f"{BASE}/purposes/", PURPOSE | {"validity": "P13M"})
    url = f"{BASE}/purposes/newsletter/"
    minor = client.patch(url, {"title": "The news", "is_substantial": False}).json()
    assert (minor["title"], minor["validity"], minor["text"]) == ("The news", "P13M", "We write.")
    assert (minor["version"], minor["minimum_version"]) == (2, 1)
    major = client.patch(url, {"text": "We write more."}).json()
    assert (major["version"], major["minimum_version"]) == (3, 3)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"key": "News letter"}, "key"),
        ({"key": ""}, "key"),
        ({"title": ""}, "title"),
        ({"text": ""}, "text"),
        ({"legal_basis": "because"}, "legal_basis"),
        ({"validity": "13 months"}, "validity"),
        ({"categories": "contact"}, "categories"),
        ({"transfer_countries": ["Suisse"]}, "transfer_countries[0]"),
    ],
)
def test_a_bad_purpose_is_refused_with_the_path_of_its_fault(change: dict, path: str) -> None:
    answer = service().post(f"{BASE}/purposes/", PURPOSE | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"].startswith(path.split("[")[0])
    assert not Purpose.objects.exists()


def test_a_purpose_key_is_taken_once() -> None:
    make_purpose()
    assert code_and_path(service().post(f"{BASE}/purposes/", PURPOSE)) == (400, "key")


def test_purposes_are_filtered() -> None:
    make_purpose("one", is_direct_marketing=True)
    make_purpose("two", legal_basis="contract")
    client = service()

    def keys(**filters: str) -> list[str]:
        return [
            purpose["key"] for purpose in client.get(f"{BASE}/purposes/", filters).json()["results"]
        ]

    assert keys() == ["one", "two"]
    assert keys(legal_basis="contract") == ["two"]
    assert keys(is_direct_marketing="true") == ["one"]
    assert keys(key="two") == ["two"]


def test_a_notice_is_kept_to_the_letter() -> None:
    client = service()
    body = {"key": "form", "language": "fr", "content": "Nous écrivons.\n"}
    made, again = (client.post(f"{BASE}/notices/", body) for _ in range(2))
    assert made.status_code == again.status_code == 201
    assert made.json()["id"] == again.json()["id"]
    assert (
        client.get(f"{BASE}/notices/{made.json()['id']}/").json()["digest"] == made.json()["digest"]
    )
    assert client.get(f"{BASE}/notices/", {"language": "en"}).json()["results"] == []


def test_a_consent_makes_an_unknown_person_known_and_permits() -> None:
    make_purpose()
    client = service()
    body = {
        "identifier": "email:Ada@Example.org",
        "purpose": "newsletter",
        "state": "given",
        "method": "checkbox",
        "evidence": {"page": "/join"},
    }
    answer = client.post(f"{BASE}/consents/", body)
    assert answer.status_code == 201, answer.json()
    event = answer.json()
    assert (event["actor"], event["purpose"], event["version"]) == ("subject", "newsletter", 1)
    assert event["profile"] == str(Profile.objects.get().uuid)
    query = {"identifiers": [ADA, "email:nobody@example.org", "nonsense"]}
    states = client.post(f"{BASE}/consents/state/", query).json()["results"]
    assert states == [
        {
            "newsletter": {
                "state": "given",
                "basis": "consent",
                "objected": False,
                "permitted": True,
                "valid_until": event["valid_until"],
            }
        },
        None,
        None,
    ]
    assert event["valid_until"] is not None, "a consent always ends"
    assert ConsentBody.objects.get().evidence == {"page": "/join"}


def test_a_consent_by_profile_hangs_on_its_public_id() -> None:
    make_purpose()
    profile = make_profile(ADA)
    body = {
        "profile": str(profile.uuid),
        "purpose": "newsletter",
        "state": "withdrawn",
        "method": "api",
    }
    event = service().post(f"{BASE}/consents/", body).json()
    assert event["actor"] == "service"
    assert ConsentEvent.objects.get().identifier.namespace == "profile"


def test_the_same_idempotency_key_is_one_event_in_body_or_header() -> None:
    make_purpose()
    client = service()
    body = {"identifier": ADA, "purpose": "newsletter", "state": "given", "method": "api"}
    url = f"{BASE}/consents/"
    answers = [
        client.post(url, body | {"idempotency_key": "k"}),
        client.post(url, body | {"idempotency_key": "k"}),
        client.post(url, body, headers={"Idempotency-Key": "k"}),
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    rotated = service().post(url, body | {"idempotency_key": "k"})
    assert rotated.json() == answers[0].json(), "another API key of the same service"
    other = service(name="another service").post(url, body | {"idempotency_key": "k"})
    assert other.json()["id"] != answers[0].json()["id"]


def test_a_notice_that_was_shown_is_named() -> None:
    make_purpose()
    client = service()
    notice = client.post(
        f"{BASE}/notices/", {"key": "form", "language": "en", "content": "We write."}
    ).json()["id"]
    body = {
        "identifier": ADA,
        "purpose": "newsletter",
        "state": "given",
        "method": "checkbox",
        "notice": notice,
    }
    assert client.post(f"{BASE}/consents/", body).json()["notice"] == notice
    unknown = client.post(f"{BASE}/consents/", body | {"notice": str(uuid4())})
    assert code_and_path(unknown) == (400, "notice")
    assert NoticeVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"identifier": None}, "identifier"),
        ({"identifier": "ada"}, "identifier"),
        ({"identifier": "email:ada"}, "identifier"),
        ({"identifier": "user_id:null"}, "identifier"),
        ({"profile": NOWHERE}, "identifier"),
        ({"purpose": "unheard-of"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"state": "yes"}, "state"),
        ({"kind": "objection", "purpose": None, "state": "refused"}, "state"),
        ({"method": "telepathy"}, "method"),
        ({"method": None}, "method"),
        ({"actor": "nobody"}, "actor"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"evidence": ["page"]}, "evidence"),
        ({"evidence": {"page": "a\0b"}}, "evidence.page"),
    ],
)
def test_a_bad_consent_is_refused_with_the_path_of_its_fault(change: dict, path: str) -> None:
    make_purpose()
    body = {"identifier": ADA, "purpose": "newsletter", "state": "given", "method": "api"} | change
    answer = service().post(f"{BASE}/consents/", body)
    assert code_and_path(answer) == (400, path)
    assert not ConsentEvent.objects.exists()


def test_half_a_surrogate_pair_is_refused_and_no_server_error() -> None:
    make_purpose()
    text = (
        '{"identifier": "user_id:1", "purpose": "newsletter", "state": "given", "method": "api",'
        ' "evidence": {"page": "\\ud800"}}'
    )
    answer = service().post(f"{BASE}/consents/", data=text, content_type="application/json")
    assert code_and_path(answer) == (400, "evidence.page")


def test_an_unknown_profile_is_refused() -> None:
    make_purpose()
    body = {"profile": str(uuid4()), "purpose": "newsletter", "state": "given", "method": "api"}
    assert code_and_path(service().post(f"{BASE}/consents/", body)) == (400, "profile")
    assert not Identifier.objects.exists()


def test_an_objection_needs_no_purpose() -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    client = service()
    body = {"identifier": ADA, "kind": "objection", "state": "given", "method": "button"}
    assert client.post(f"{BASE}/consents/", body).json()["purpose"] is None
    states = client.post(f"{BASE}/consents/state/", {"identifiers": [ADA]}).json()["results"]
    assert (states[0]["offers"]["objected"], states[0]["offers"]["permitted"]) == (True, False)


def test_the_history_is_filtered_and_paged() -> None:
    make_purpose()
    make_purpose("care")
    ada, bob = make_profile(ADA), make_profile("email:bob@example.org")
    record(consent_input(ada))
    record(consent_input(ada, "withdrawn", occurred_at=NOW - timedelta(days=1)))
    record(consent_input(bob, purpose="care", method="phone"))
    client = service()

    def states(**filters: str) -> list[str]:
        rows = client.get(f"{BASE}/consents/", filters).json()["results"]
        return [row["state"] for row in rows]

    assert states() == ["given", "withdrawn", "given"]
    assert states(profile=str(ada.uuid)) == ["withdrawn", "given"]
    assert states(profile=str(uuid4())) == []
    assert states(purpose="care") == ["given"]
    assert states(state="withdrawn") == ["withdrawn"]
    assert states(method="phone", actor="subject", kind="consent", version="1") == ["given"]
    assert states(occurred_before=(NOW - timedelta(hours=1)).isoformat()) == ["withdrawn"]
    first = client.get(f"{BASE}/consents/", {"page_size": 2}).json()
    assert len(first["results"]) == 2
    assert len(client.get(first["next"]).json()["results"]) == 1
    assert client.get(f"{BASE}/consents/", {"state": "yes"}).status_code == 400


def test_events_of_erased_people_are_for_the_privacy_role_only() -> None:
    make_purpose()
    record(consent_input(make_profile(ADA)))
    ConsentBody.objects.all().delete()
    Identifier.objects.all().delete()
    assert service("consent:read").get(f"{BASE}/consents/").json()["results"] == []
    rows = service("consent:read", "privacy:admin").get(f"{BASE}/consents/").json()["results"]
    assert [row["profile"] for row in rows] == [None]


@pytest.mark.parametrize(
    ("route", "expected"),
    [("purposes/", 3), ("notices/", 2), ("consents/", 5), ("privacy/requests/", 2)],
)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(route: str, expected: int) -> None:
    client = service()
    for number in range(5):
        make_purpose(f"purpose-{number}")
        profile = make_profile(f"email:person-{number}@example.org")
        record(consent_input(profile, purpose=f"purpose-{number}"))
        client.post(
            f"{BASE}/notices/", {"key": f"form-{number}", "language": "en", "content": "We write."}
        )
        client.post(
            f"{BASE}/privacy/requests/",
            {"kind": "access", "identifiers": [f"user_id:{number}"], "reason": "asked"},
        )
    with CaptureQueriesContext(connection) as captured:
        assert len(client.get(f"{BASE}/{route}").json()["results"]) == 5
    assert len(captured) == expected


def test_asking_for_states_takes_as_many_queries_for_many_as_for_one() -> None:
    make_purpose()
    references = [f"email:person-{number}@example.org" for number in range(20)]
    for reference in references:
        record(consent_input(make_profile(reference)))
    client = service()
    for identifiers in (references[:1], references):
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(f"{BASE}/consents/state/", {"identifiers": identifiers})
        assert len(answer.json()["results"]) == len(identifiers)
        assert len(captured) == 8


def test_more_than_a_thousand_people_are_too_many_at_once() -> None:
    query = {"identifiers": [ADA] * 1001}
    assert code_and_path(service().post(f"{BASE}/consents/state/", query)) == (400, "identifiers")
