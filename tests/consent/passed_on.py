"""OpenDSR requests as another company's system sends them, and what happens to them here."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient

from consent.models import Controller, PrivacyRequest, SubjectRequest
from consent.services import act_on_requests, save_controller, take_up_subject_requests
from tests.factories import TESTER

BASE = "/opendsr/v2"
ADA = "ada@example.org"


def make_controller() -> Controller:
    row = Controller(
        controller_id="acme", name="Acme", service="acme", callback_hosts=["Callbacks.example"]
    )
    save_controller(row, actor=TESTER)
    return row


def body(kind: str = "erasure", value: str = ADA, **changes: Any) -> dict[str, Any]:
    return {
        "regulation": "gdpr",
        "subject_request_id": str(uuid4()),
        "subject_request_type": kind,
        "submitted_time": datetime.now(UTC).isoformat(),
        "subject_identities": [identity(value)],
    } | changes


def identity(value: str, kind: str = "email", form: str = "raw") -> dict[str, str]:
    return {"identity_type": kind, "identity_value": value, "identity_format": form}


def ask(client: APIClient, request: dict[str, Any]) -> PrivacyRequest:
    answer = client.post(f"{BASE}/requests", request)
    assert answer.status_code == 201, answer.content
    row = SubjectRequest.objects.get(subject_request_id=request["subject_request_id"])
    return row.request


def work() -> None:
    take_up_subject_requests()
    act_on_requests()


def reasons(answer: Any) -> list[str]:
    return [fault["reason"] for fault in answer.json()["error"]["errors"]]
