"""The tasks that workers and beat call, under the names that the settings give them."""

import pytest
from celery import current_app
from django.core import mail
from rest_framework.test import APIClient

from config.celeryconfig import beat_schedule
from consent import tasks
from consent.models import ConsentState, PrivacyRequest
from consent.services import NewRequest, open_request, record
from tests.consent.callers import BASE
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.django_db


def test_every_task_that_beat_sends_to_consent_exists() -> None:
    scheduled = {entry["task"] for entry in beat_schedule.values()}
    own = {name for name in scheduled if name.startswith("consent.")}
    assert own == {
        "consent.act_on_requests",
        "consent.apply_retention",
        "consent.give_to_journal",
        "consent.verify_states",
        "consent.remove_expired",
        "consent.prune_ledger",
        "consent.seal_ledger",
        "consent.send_callbacks",
        "consent.sweep_traces",
        "consent.tell_of_deadlines",
    }
    assert own <= set(current_app.tasks)


def test_the_sweep_acts_on_requests_and_mails_links_whose_nudges_were_lost() -> None:
    make_profile("email:ada@example.org")
    APIClient().post(f"{BASE}/privacy/me/link/", {"email": "ada@example.org"})
    new_request = NewRequest(kind="access", references=("email:ada@example.org",), reason="asked")
    open_request(new_request, door="service", actor=TESTER)
    assert tasks.act_on_requests() == 1
    assert PrivacyRequest.objects.get().status == "done"
    assert len(mail.outbox) == 1
    assert tasks.send_links() == 0
    assert tasks.remove_expired() == 0
    assert tasks.sweep_traces() == 0


def test_the_nightly_comparison_counts_states_that_drifted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_purpose()
    record(consent_input(make_profile("email:ada@example.org"), "withdrawn"))
    assert tasks.verify_states() == 0
    ConsentState.objects.update(state="given")
    assert tasks.verify_states() == 1
    assert "verify_ledger" in caplog.text
