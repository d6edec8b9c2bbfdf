"""OpenDSR: callbacks to the companies that passed requests on, and the certificate that signs."""

import json
from base64 import b64decode
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from consent.checks import check_certificate
from consent.models import Controller, PrivacyRequest, StatusCallback
from consent.opendsr.certificates import current_signer
from consent.opendsr.contract import changes_of_status
from consent.services import (
    cancel_request,
    refuse_request,
    remove_old_callbacks,
    save_controller,
    send_callbacks,
    take_up_subject_requests,
)
from profiles.lib import outgoing
from tests.consent.callers import service
from tests.consent.passed_on import BASE, ask, body, make_controller
from tests.factories import TESTER

pytestmark = pytest.mark.django_db
CALLBACK = "https://callbacks.example/opendsr"


@pytest.fixture
def controller() -> Controller:
    return make_controller()


@pytest.fixture
def client(controller: Controller) -> APIClient:
    return service("privacy:act", name="acme")


@pytest.fixture
def at_once(settings: Any) -> None:
    settings.OPENDSR_PENDING_SECONDS = 0


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes, Any]]:
    """What was sent out; the server at the other end takes everything."""
    sent: list[tuple[str, bytes, Any]] = []

    def post(url: str, body: bytes, headers: Any) -> int:
        sent.append((url, body, headers))
        return 202

    monkeypatch.setattr(outgoing, "post", post)
    return sent


def test_callbacks_go_out_for_what_staff_do_as_well(client: APIClient, calls: list[Any]) -> None:
    request = ask(client, body(status_callback_urls=[CALLBACK]))
    send_callbacks()
    assert calls == []
    cancel_request(request, actor=TESTER)
    assert send_callbacks() == 1
    assert send_callbacks() == 0
    [(url, content, _)] = calls
    sent = json.loads(content)
    assert url == sent["status_callback_url"] == CALLBACK
    assert sent["request_status"] == "cancelled"


@pytest.mark.usefixtures("at_once")
def test_a_refusal_is_a_cancellation_that_says_so(client: APIClient, calls: list[Any]) -> None:
    request = ask(client, body("access", status_callback_urls=[CALLBACK]))
    take_up_subject_requests()
    refuse_request(request, actor=TESTER, article="12(5)", reason="For the tenth time.")
    send_callbacks()
    sent = [json.loads(content) for _, content, _ in calls]
    assert [row["request_status"] for row in sent] == ["in_progress", "cancelled"]
    assert sent[1]["extensions"] == {"localhost": {"outcome": "denied"}}


def test_a_host_that_the_controller_gave_up_is_called_no_more(
    client: APIClient, controller: Controller, calls: list[Any]
) -> None:
    request = ask(client, body(status_callback_urls=[CALLBACK]))
    cancel_request(request, actor=TESTER)
    controller.callback_hosts = []
    save_controller(controller, actor=TESTER)
    assert send_callbacks() == 0
    assert calls == []
    assert StatusCallback.objects.get().failure == "host_not_registered"


def test_a_callback_is_given_up_after_some_days_and_forgotten_after_more(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "post", lambda *_: 500)
    cancel_request(ask(client, body(status_callback_urls=[CALLBACK])), actor=TESTER)
    assert send_callbacks() == 0
    row = StatusCallback.objects.get()
    assert (row.failure, row.attempts, row.abandoned_at) == ("status_500", 1, None)
    assert row.retry_at > timezone.now()
    now = timezone.now()
    StatusCallback.objects.update(created_at=now - timedelta(days=4), retry_at=now)
    send_callbacks()
    row.refresh_from_db()
    assert row.abandoned_at is not None
    assert remove_old_callbacks() == 0
    StatusCallback.objects.update(created_at=now - timedelta(days=31))
    assert remove_old_callbacks() == 1


def test_a_callback_is_signed_by_a_public_key_with_its_time(
    client: APIClient, calls: list[Any]
) -> None:
    cancel_request(ask(client, body(status_callback_urls=[CALLBACK])), actor=TESTER)
    send_callbacks()
    [(_, content, headers)] = calls
    stamped = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    [key] = APIClient().get("/.well-known/jwks.json").json()["keys"]
    signature = b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    # It raises where the signature is of anything else.
    jwt.PyJWK(key).key.verify(signature, stamped)
    public: Any = current_signer().key.public_key()
    assert isinstance(public, RSAPublicKey)
    signature = b64decode(headers["X-OpenDSR-Signature"])
    public.verify(signature, content, PKCS1v15(), hashes.SHA256())


@given(st.lists(st.sampled_from(PrivacyRequest.Status.values), max_size=8))
def test_the_statuses_that_a_controller_hears_only_go_on(statuses: list[str]) -> None:
    order = {"pending": 0, "in_progress": 1, "completed": 2, "cancelled": 2}
    heard = [word for _, word in changes_of_status(enumerate(statuses))]
    ranks = [order[word] for word in heard]
    assert ranks == sorted(set(ranks))
    assert "pending" not in heard


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "0x7f000001", "[::1]", "a/b", "a:80", "-a.example", ""]
)
def test_a_callback_host_is_a_name(host: str) -> None:
    row = Controller(controller_id="acme", name="Acme", service="acme", callback_hosts=[host])
    with pytest.raises(ValidationError):
        save_controller(row, actor=TESTER)


def test_the_command_registers_and_changes_a_controller(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("register_controller", "acme", service="acme", hosts=["a.example"])
    call_command("register_controller", "acme", service="acme", name="Acme", hosts=["b.example"])
    row = Controller.objects.get()
    assert (row.name, row.callback_hosts) == ("Acme", ["b.example"])
    assert "acme" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("register_controller", "of ada", service="acme2")


def test_the_self_made_certificate_is_what_a_check_warns_of() -> None:
    [warning] = check_certificate()
    assert warning.id == "consent.W001"
    assert "signed by itself" in warning.msg


def test_a_certificate_of_the_settings_signs_and_the_one_before_is_served_on(
    client: APIClient, settings: Any, tmp_path: Path
) -> None:
    former = client.get(f"{BASE}/discovery").json()["processor_certificate"]
    directory = settings.SECRETS_DIR
    settings.RETIRED_OPENDSR_CERTIFICATE_FILES = [str(directory / "opendsr_certificate.pem")]
    settings.SECRETS_DIR = tmp_path
    current_signer()
    settings.SECRETS_DIR = directory
    settings.OPENDSR_KEY_FILE = str(tmp_path / "opendsr_key.pem")
    settings.OPENDSR_CERTIFICATE_FILE = str(tmp_path / "opendsr_certificate.pem")
    current = client.get(f"{BASE}/discovery").json()["processor_certificate"]
    assert current != former
    anybody = APIClient()
    for url in (former, current):
        path = url.partition("localhost:8000")[2]
        assert anybody.get(path).content.startswith(b"-----BEGIN CERTIFICATE")
    assert anybody.get(f"{BASE}/certificates/none.pem").status_code == 404


def test_a_certificate_that_cannot_be_used_is_what_a_check_warns_of(
    settings: Any, tmp_path: Path
) -> None:
    for name in ("key.pem", "certificate.pem"):
        (tmp_path / name).write_text("nothing")
    settings.OPENDSR_KEY_FILE = str(tmp_path / "key.pem")
    settings.OPENDSR_CERTIFICATE_FILE = str(tmp_path / "certificate.pem")
    [warning] = check_certificate()
    assert "cannot be read" in warning.msg
