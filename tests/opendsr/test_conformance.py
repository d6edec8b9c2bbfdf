"""OpenDSR 2.0 as a controller sees it: D-01 to D-28, against any processor."""

import hashlib
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography import x509

from tests.opendsr.target import Receiver, Target, email, new_request

RECEIPT = {
    "controller_id",
    "expected_completion_time",
    "received_time",
    "encoded_request",
    "subject_request_id",
    "processor_signature",
}
UNKNOWN = "/requests/5b0c2a9e-6f1c-4c6f-9d61-0c6d3f7a8a11"


@pytest.fixture
def receiver(target: Target) -> Receiver:
    if target.receiver is None:
        pytest.skip("no --callback-url")
    return target.receiver


def refused(answer: Any) -> str:
    """Check the shape of a refusal, and return its text (D-26)."""
    assert answer.status == 400, answer.raw
    error = answer.body["error"]
    assert error["code"] == 400
    for fault in error.get("errors", ()):
        assert {"domain", "reason", "message"} == fault.keys()
    text: str = answer.raw.decode()
    return text


def test_d01_the_discovery_says_what_is_supported(target: Target) -> None:
    answer = target.send("GET", "/discovery", key="")
    assert answer.status == 200
    body = answer.body
    assert body["api_version"].startswith("2.")
    assert {"identity_type", "identity_format"} == body["supported_identities"][0].keys()
    assert set(body["supported_subject_request_types"]) <= {"erasure", "access", "portability"}
    assert urlsplit(body["processor_certificate"]).hostname == target.host


def test_d02_the_certificate_is_valid_for_the_domain(target: Target) -> None:
    leaf, now = target.certificate, datetime.now(UTC)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert target.host in [str(name.value) for name in names]
    assert leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc
    # A processor in a test has no authority that would issue one.
    if target.base_url.startswith("https:"):
        assert leaf.issuer != leaf.subject


def test_d03_a_receipt_has_its_six_fields_and_is_signed(target: Target) -> None:
    answer = target.ask(new_request())
    assert answer.status == 201
    assert answer.body.keys() >= RECEIPT
    assert target.is_signed(answer.raw, answer.headers)


def test_d03_the_signature_in_the_body_is_of_the_body_without_it(target: Target) -> None:
    body = target.ask(new_request()).body
    signature = b64decode(body.pop("processor_signature"))
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert target.verifies(signature, text.encode())


def test_d04_one_other_byte_and_the_signature_is_none(target: Target) -> None:
    answer = target.ask(new_request())
    changed = answer.raw.replace(b"received_time", b"received_tima")
    assert not target.is_signed(changed, answer.headers)


@pytest.mark.parametrize("path", ["/discovery", UNKNOWN])
def test_d05_the_domain_is_that_of_the_address(target: Target, path: str) -> None:
    answer = target.send("GET", path)
    assert answer.headers["X-OpenDSR-Processor-Domain"] == target.host
    assert target.is_signed(answer.raw, answer.headers)


@pytest.mark.parametrize(
    "request_id",
    [
        "5b0c2a9e-6f1c-11f0-9d61-0c6d3f7a8a11",
        "5B0C2A9E-6F1C-4C6F-9D61-0C6D3F7A8A11",
        "5b0c2a9e6f1c4c6f9d610c6d3f7a8a11",
        "5b0c2a9e-6f1c-4c6f-9d61-0c6d3f7a8a11 ",
        "1",
        "",
    ],
)
def test_d06_an_id_that_is_no_lower_case_uuid4_is_refused(target: Target, request_id: str) -> None:
    assert "subject_request_id" in refused(target.ask(new_request(subject_request_id=request_id)))


@pytest.mark.parametrize(
    "name",
    [
        "regulation",
        "subject_request_id",
        "subject_request_type",
        "submitted_time",
        "subject_identities",
    ],
)
def test_d07_a_missing_field_is_named_and_nobody_else(target: Target, name: str) -> None:
    request = new_request(**{name: None})
    text = refused(target.ask(request))
    assert name in text
    assert "@example.org" not in text


@pytest.mark.parametrize("name", ["identity_type", "identity_value", "identity_format"])
def test_d07_a_missing_part_of_an_identity_is_named(target: Target, name: str) -> None:
    identity = email("ada@example.org")
    del identity[name]
    text = refused(target.ask(new_request(subject_identities=[identity])))
    assert name in text
    assert "ada@" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_request_type": "ada@example.org"},
        {"regulation": "ada@example.org"},
        {"subject_identities": [email("ada@example.org") | {"identity_type": "ada@example.org"}]},
        {"subject_identities": [email("ada@example.org", "md5")]},
        {"subject_identities": [email("ada@example.org", "sha1")]},
        {"subject_identities": [email("ada@example.org", "sha256")]},
        {"subject_identities": [email("ada@@example.org")]},
        {"subject_identities": "ada@example.org"},
        {"subject_identities": []},
        {"submitted_time": "ada@example.org"},
        {"status_callback_urls": "ada@example.org"},
        {"extensions": "ada@example.org"},
        {"api_version": "9.0"},
    ],
    ids=str,
)
def test_d08_what_is_not_supported_is_refused_and_not_repeated(
    target: Target, changes: dict[str, Any]
) -> None:
    assert "ada@" not in refused(target.ask(new_request(**changes)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}'])
def test_d08_what_is_no_object_is_refused(target: Target, body: bytes) -> None:
    refused(target.send("POST", "/requests", body))


def test_d09_identities_may_be_in_the_extension_alone(target: Target) -> None:
    extensions = {target.host: {"subject_identities": [email("ada@example.org")]}}
    assert target.ask(new_request(subject_identities=None, extensions=extensions)).status == 201
    of_another = {"other.example": extensions[target.host]}
    refused(target.ask(new_request(subject_identities=None, extensions=of_another)))


def test_d10_the_encoded_request_is_what_was_sent_to_the_byte(target: Target) -> None:
    sent = b'\n {"extensions": {"other.example": {"\xc3\xa9": 1.0}},\t' + json.dumps(
        new_request()
    ).encode().removeprefix(b"{")
    answer = target.send("POST", "/requests", sent)
    assert b64decode(answer.body["encoded_request"]) == sent


def test_d11_unknown_and_anothers_requests_are_the_same(target: Target) -> None:
    request = new_request()
    target.ask(request)
    unknown = target.send("GET", f"/requests/{uuid4()}")
    assert 400 <= unknown.status < 500
    if not target.other_key:
        pytest.skip("no --other-api-key")
    for method in ("GET", "DELETE"):
        path = f"/requests/{request['subject_request_id']}"
        others = target.send(method, path, key=target.other_key)
        assert (others.status, others.raw) == (unknown.status, unknown.raw)
    assert target.ask(request, key=target.other_key).status == 201


@pytest.mark.parametrize("path", ["/requests", UNKNOWN])
def test_d11_nobody_without_a_key_is_answered(target: Target, path: str) -> None:
    for key in ("", "tsk_wrong"):
        answer = target.send("POST" if path == "/requests" else "GET", path, b"{}", key=key)
        assert answer.status in (401, 403)
        assert answer.body["error"]["code"] == answer.status


def test_d12_a_status_only_goes_on(target: Target, receiver: Receiver) -> None:
    path = f"/{uuid4()}"
    request = new_request(status_callback_urls=[f"{receiver.url}{path}"])
    target.ask(request)
    assert target.status(request)["request_status"] == "pending"
    assert target.completed(request)["request_status"] == "completed"
    target.work()
    order = [body["request_status"] for body in receiver.at(path)]
    assert order == ["in_progress", "completed"]


def test_d13_a_pending_request_is_cancelled_and_nobody_is_erased(target: Target) -> None:
    address = f"{uuid4()}@example.org"
    target.seed(address)
    request = new_request(subject_identities=[email(address)])
    target.ask(request)
    answer = target.send("DELETE", f"/requests/{request['subject_request_id']}")
    assert answer.status == 202
    assert answer.body.keys() >= RECEIPT - {"encoded_request", "expected_completion_time"}
    assert target.is_signed(answer.raw, answer.headers)
    target.work()
    assert target.status(request)["request_status"] == "cancelled"
    access = new_request(subject_request_type="access", subject_identities=[email(address)])
    target.ask(access)
    # A processor elsewhere never knew the person.
    known = int(target.make_retries_due is not None)
    assert target.completed(access)["results_count"] == known


def test_d14_a_request_is_not_cancelled_later(target: Target) -> None:
    request = new_request()
    target.ask(request)
    target.completed(request)
    refused(target.send("DELETE", f"/requests/{request['subject_request_id']}"))
    assert target.status(request)["request_status"] == "completed"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_d15_requests_do_not_change(target: Target, method: str) -> None:
    request = new_request()
    target.ask(request)
    path = f"/requests/{request['subject_request_id']}"
    assert target.send(method, path, json.dumps(request).encode()).status == 405


def test_d16_one_callback_for_each_address_and_change(target: Target, receiver: Receiver) -> None:
    paths = [f"/{uuid4()}", f"/{uuid4()}"]
    urls = [f"{receiver.url}{path}" for path in (*paths, paths[0])]
    request = new_request(status_callback_urls=urls)
    target.ask(request)
    target.completed(request)
    for _ in range(3):
        target.work()
    for path in paths:
        statuses = [body["request_status"] for body in receiver.at(path)]
        assert statuses == ["in_progress", "completed"]


def test_d17_a_callback_is_signed_and_names_its_address(target: Target, receiver: Receiver) -> None:
    path = f"/{uuid4()}"
    request = new_request(status_callback_urls=[f"{receiver.url}{path}"])
    target.ask(request)
    target.completed(request)
    target.work()
    for place, raw, headers in receiver.received:
        if place == path:
            assert json.loads(raw)["status_callback_url"] == f"{receiver.url}{path}"
            assert headers["X-OpenDSR-Processor-Domain"] == target.host
            assert target.is_signed(raw, headers)
            assert b"@example.org" not in raw


def test_d18_a_callback_that_fails_is_sent_again(target: Target, receiver: Receiver) -> None:
    if target.make_retries_due is None:
        pytest.skip("a processor elsewhere tries again when it likes")
    path = f"/{uuid4()}"
    receiver.answers[path] = [500, 503, 404]
    request = new_request(status_callback_urls=[f"{receiver.url}{path}"])
    target.ask(request)
    target.completed(request)
    for _ in range(6):
        target.make_retries_due()
        target.work()
    statuses = [body["request_status"] for body in receiver.at(path)]
    assert statuses == ["in_progress"] * 4 + ["completed"]
    ids = [headers["webhook-id"] for place, _, headers in receiver.received if place == path]
    assert len(set(ids)) == 2


def test_d19_a_redirect_is_not_followed(target: Target, receiver: Receiver) -> None:
    path = f"/redirect/{uuid4()}"
    receiver.answers[path] = [307, 308, 302]
    request = new_request(status_callback_urls=[f"{receiver.url}{path}"])
    target.ask(request)
    target.completed(request)
    target.work()
    assert receiver.at(path)
    assert not receiver.at("/elsewhere")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "0x7f000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "unregistered.example",
        "a@b.example",
    ],
)
def test_d20_no_address_is_called_that_was_not_registered(target: Target, host: str) -> None:
    refused(target.ask(new_request(status_callback_urls=[f"https://{host}/"])))


def test_d21_the_same_request_again_has_the_same_answer(target: Target) -> None:
    request = new_request()
    first, again = target.ask(request), target.ask(request)
    assert again.status == 201
    unsigned = [{**answer.body, "processor_signature": ""} for answer in (first, again)]
    assert unsigned[0] == unsigned[1]
    refused(target.ask(request | {"subject_request_type": "access"}))


@pytest.mark.parametrize("day", ["2026-01-31", "2026-03-15", "2024-01-31"])
def test_d22_an_answer_is_expected_within_a_month(target: Target, day: str) -> None:
    answer = target.ask(new_request(submitted_time=f"{day}T12:00:00Z"))
    submitted = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    expected = datetime.fromisoformat(answer.body["expected_completion_time"])
    month = {"2026-01-31": 28, "2026-03-15": 31, "2024-01-31": 29}[day]
    assert expected <= submitted + timedelta(days=month)


def test_d23_of_an_erased_person_nothing_is_found(target: Target) -> None:
    address = f"{uuid4()}@example.org"
    target.seed(address)
    erasure = new_request(subject_identities=[email(address)])
    target.ask(erasure)
    target.completed(erasure)
    access = new_request(subject_request_type="access", subject_identities=[email(address)])
    target.ask(access)
    assert target.completed(access)["results_count"] == 0


def test_d24_results_need_the_key_and_are_fetched_once(target: Target) -> None:
    request = new_request(subject_request_type="portability")
    target.ask(request)
    url = target.completed(request)["results_url"]
    assert urlsplit(url).hostname == target.host
    assert target.send("GET", url, key="").status in (401, 403)
    if target.other_key:
        assert target.send("GET", url, key=target.other_key).status == 404
    first = target.send("GET", url)
    assert first.status == 200
    assert target.is_signed(first.raw, first.headers)
    assert target.send("GET", url).status == 410


def test_d25_the_names_of_before_are_understood(target: Target) -> None:
    request = new_request(api_version="1.0")
    answer = target.send("POST", "/opengdpr_requests", json.dumps(request).encode())
    assert answer.status == 201
    assert target.is_signed(answer.raw, answer.headers, "X-OpenGDPR")
    assert answer.headers["X-OpenGDPR-Processor-Domain"] == target.host
    for name in ("opengdpr_requests", "status"):
        path = f"/{name}/{request['subject_request_id']}"
        assert target.send("GET", path).body == target.status(request)


def test_d27_a_hundred_requests_are_not_throttled(target: Target) -> None:
    statuses = {target.ask(new_request()).status for _ in range(100)}
    assert statuses == {201}


def test_d28_an_address_and_its_hash_are_the_same_person(target: Target) -> None:
    address = f"{uuid4()}@example.org"
    target.seed(address)
    digest = hashlib.sha256(address.encode()).hexdigest()
    identities = (email(address), email(digest, "sha256"), email(digest.upper(), "sha256"))
    counts = set()
    for identity in identities:
        request = new_request(subject_request_type="access", subject_identities=[identity])
        target.ask(request)
        counts.add(target.completed(request)["results_count"])
    assert len(counts) == 1


def test_a_message_is_dated_so_that_an_old_one_is_known(target: Target) -> None:
    headers = target.ask(new_request()).headers
    age = datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])
    assert abs(age) < 300
    assert headers["webhook-id"]
    assert headers["webhook-signature"].startswith("v1a,")


def test_a_request_may_be_as_large_as_its_identities_need(target: Target) -> None:
    identities = [email(f"{uuid4()}@example.org") for _ in range(100)]
    assert target.ask(new_request(subject_identities=identities)).status == 201
    refused(target.ask(new_request(subject_identities=[*identities, email("a@example.org")])))
