"""Contacts at five services, by stand-ins of their published interfaces."""

from collections.abc import Callable
from typing import Any

import pytest

from consent.services import NewRequest, act_on_requests, open_request
from segments.models import Delivery, Destination, ErasureNotice
from segments.services import check_account
from tests.contact_tools import Brevo, HubSpot, Klaviyo, Mailchimp, Salesforce
from tests.factories import TESTER, send_messages
from tests.segments.listening import consent, settle
from tests.segments.sending import call_at_once, send_to
from tests.tools import Response, Service, serving

pytestmark = pytest.mark.django_db
SETTINGS: dict[str, dict[str, str]] = {
    "hubspot": {"token": "pat-1"},
    "salesforce": {"client_id": "3MVG", "client_secret": "secret-1"},
    "mailchimp": {"key": "key-us6", "list": "77"},
    "brevo": {"key": "xkeysib-1", "list": "7"},
    "klaviyo": {"key": "pk_1", "list": "L1"},
}
MAKERS: dict[str, Callable[[], Any]] = {
    "hubspot": HubSpot,
    "salesforce": Salesforce,
    "mailchimp": Mailchimp,
    "brevo": Brevo,
    "klaviyo": Klaviyo,
}
# Where the default is not by the address, that the services here know people by.
MAPPINGS: dict[str, Any] = {
    "salesforce": {
        "id": "email",
        "LastName": "traits.first_name",
        "Tessera_Segments__c": "segments",
    }
}
ADA, BOB = "ada@example.org", "bob@example.org"


def listed(service: Any) -> set[str]:
    """Return whom a service has as one who is in."""
    match service:
        case HubSpot():
            return {email for email, row in service.contacts.items() if row["tessera_segments"]}
        case Salesforce():
            rows = service.contacts.items()
            return {email for email, row in rows if row["Tessera_Segments__c"]}
        case Mailchimp():
            rows = service.members.items()
            return {email for email, row in rows if row["status"] == "subscribed"}
        case _:
            return set(service.listed)


def kept(service: Any) -> set[str]:
    """Return whom a service knows at all."""
    names = ("contacts", "members", "profiles")
    return set(next(getattr(service, name) for name in names if hasattr(service, name)))


def known(name: str, **traits: Any) -> None:
    traits = {"city": "Lyon", "email": f"{name}@example.org", "first_name": name} | traits
    send_messages({"userId": name, "traits": traits})
    consent(reference=f"user_id:{name}")


def make(tool: str, service: Service, lyon: Any) -> Destination:
    own = MAPPINGS.get(tool)
    return send_to(tool, lyon, settings=SETTINGS[tool] | {"address": service.url}, mapping=own)


@pytest.mark.parametrize("tool", MAKERS)
def test_contacts_enter_change_leave_and_are_forgotten(tool: str, lyon: Any) -> None:
    with serving(MAKERS[tool]()) as service:
        destination = make(tool, service, lyon)
        assert check_account(destination).is_taken
        known("ada")
        known("bob")
        settle()
        assert listed(service) == {ADA, BOB}
        assert "ada" in str(next(c.body for c in service.calls if ADA in str(c.body)))
        known("ada", first_name="Augusta")
        settle()
        assert any("Augusta" in str(call.body) for call in service.calls)
        send_messages({"userId": "ada", "traits": {"city": "Rome"}})
        settle()
        assert (listed(service), kept(service)) == ({BOB}, {ADA, BOB})
        for name in ("ada", "bob"):
            reference = f"user_id:{name}"
            request = NewRequest(kind="erasure", references=(reference,))
            open_request(request, door="service", actor=TESTER)
        act_on_requests()
        settle()
        # Whoever was told once is forgotten, whether or not they were in at the end.
        assert kept(service) == set()
        assert not ErasureNotice.objects.filter(taken_at=None).exists()


@pytest.mark.parametrize("tool", MAKERS)
def test_who_is_not_there_any_more_is_taken_out_all_the_same(tool: str, lyon: Any) -> None:
    with serving(MAKERS[tool]()) as service:
        make(tool, service, lyon)
        known("ada")
        settle()
        for name in ("contacts", "members", "profiles", "listed"):
            if hasattr(service, name):
                getattr(service, name).clear()
        consent("withdrawn", reference="user_id:ada")
        settle()
        assert listed(service) == set()
        assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("tool", ["hubspot", "salesforce", "mailchimp"])
def test_whom_a_tool_names_in_a_partial_answer_waits_alone(tool: str, lyon: Any) -> None:
    with serving(MAKERS[tool]()) as service:
        destination = make(tool, service, lyon)
        service.blocked = {ADA}
        known("ada")
        known("bob")
        settle()
        assert listed(service) == {BOB}
        waiting = Delivery.objects.get(state="pending")
        assert (waiting.answer, waiting.attempts) == (422, 1)
        assert waiting.fault
        destination.refresh_from_db()
        assert destination.failures == 0
        service.blocked = set()
        call_at_once(destination)
        settle()
        assert listed(service) == {ADA, BOB}


@pytest.mark.parametrize("tool", MAKERS)
def test_a_wrong_key_or_a_limit_lets_everything_wait(tool: str, lyon: Any) -> None:
    with serving(MAKERS[tool]()) as service:
        destination = make(tool, service, lyon)
        for status in (401, 429):
            service.fail = lambda request, status=status: Response(status)
            known("ada")
            known("bob")
            call_at_once(destination)
            settle()
            destination.refresh_from_db()
            assert destination.retry_at
            assert Delivery.objects.filter(state="pending").count() == 2
        service.fail = lambda request: None
        call_at_once(destination)
        settle()
        assert listed(service) == {ADA, BOB}


def test_an_address_that_is_none_names_nobody(lyon: Any) -> None:
    with serving(HubSpot()) as service:
        send_to(
            "hubspot",
            lyon,
            settings=SETTINGS["hubspot"] | {"address": service.url},
            mapping={"email": "traits.contact", "tessera_segments": "segments"},
        )
        known("ada", contact="no address")
        known("bob", contact=" Bob@Example.ORG ")
        settle()
        assert listed(service) == {BOB}
