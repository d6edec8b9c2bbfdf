"""The store in which the examples of the API are tried: one customer, with something of each kind.

Only the store knows the real ids, so those of an example are exchanged before it is sent.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from consent.models import ConsentEvent, PrivacyRequest, Purpose
from consent.services import (
    NewHold,
    NewRequest,
    RuleTerms,
    act_on_requests,
    add_notice,
    create_rule,
    lift_restriction,
    make_forecast,
    open_request,
    place_hold,
    seal_ledger,
    send_confirmations,
    send_links,
    take_archive,
)
from ingestion.models import RejectedMessage, WriteKey
from profiles.lib.database import database_now
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityCase,
    MatchModel,
    MatchProposal,
    Profile,
)
from profiles.services import (
    NewDecision,
    apply_rules,
    as_plain,
    decide,
    document_of_store,
    measure_health,
    parse_document,
    pause_application,
)
from tests.config.example_inputs import (
    make_hook,
    make_imports,
    make_plan,
    make_products,
    refund_name_id,
    registry_id,
    send_history,
    signing_secrets_prefix,
    sql_source_id,
)
from tests.config.example_outlets import (
    export_members,
    link_members,
    make_automations,
    make_destination,
    make_mail_template,
    make_pool,
    make_segments,
    make_webhook,
)
from tests.factories import (
    NOW,
    TESTER,
    make_client,
    make_purpose,
    make_source,
    make_write_key,
    profile_of,
    send_messages,
)

PRIVACY = "/api/v1/privacy"


@dataclass(frozen=True)
class World:
    """Clients of both kinds, and the real value of each id that an example has."""

    service: APIClient
    customer: APIClient
    real: dict[str, str | int]


def make_world() -> World:
    """Fill the store with what the examples are about."""
    service = make_client()
    send_history()
    make_hook()
    make_products()
    make_plan()
    profile = profile_of("email:ada@example.org")
    purpose = make_purpose("newsletter")
    notice = add_notice(
        key="footer", language="en", content="Once a month.", shown_from=NOW, actor=TESTER
    )
    _give_consent(service)
    seal_ledger()
    make_segments(purpose)
    export = export_members(service)
    link = link_members(service)
    webhook = make_webhook()
    make_automations(purpose)
    make_mail_template()
    make_pool()
    destination = make_destination(purpose)
    customer, token = _customers_session()
    measure_health()
    return World(
        service,
        customer,
        {
            "01a20018-75ed-731a-8eff-3a42aae4c6b3": str(profile.uuid),
            "5e0c6b1e-6f1c-5c6f-9d61-0c6d3f7a8a11": _identifier_id(service, profile, "email"),
            "01a2178e-8aaa-7463-b353-d18c1bad2e63": str(ConsentEvent.objects.earliest("seq").pk),
            "9b0a7c52-8e57-5d0b-a1d5-1f2c3d4e5f60": _identifier_id(service, profile, "user_id"),
            "01a2001d-4c8a-7e65-9d91-4e5f6a7b8c9d": _visitors_proposal(),
            "7c1d5a90-2b3e-5f47-8a6c-0d1e2f3a4b5c": _quarantined_id(service),
            "01a2001c-1f5e-7d43-9a70-2b6c8d9e0f12": _decision_id(),
            "0f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a": _case_id(),
            **_paused_application(),
            "01a2001d-5d9b-7f76-8ea2-5f6a7b8c9dae": _proposal_id("user_id:c-4", "user_id:c-5"),
            "01a20018-9c11-7f0e-b6f1-52a0d6a1c0de": str(notice.pk),
            "01a2001b-1c2d-7e3f-8a4b-5c6d7e8f9a0b": _lifted_request(
                service,
                f"{PRIVACY}/requests/",
                {"identifiers": ["email:ada@example.org"], "reason": "Asked at the counter."},
            ),
            "01a2001c-2d3e-7f4a-8b5c-6d7e8f9a0b1c": _lifted_request(
                customer, f"{PRIVACY}/me/requests/", {}
            ),
            "01a20019-0b57-7d3a-8a3c-6f9e2b7d4c15": _services_request(service),
            "01a2001a-3f60-7a52-9a1b-0d4c7e8f2b36": _customers_request(customer),
            "01a2001a-33aa-7c1e-9d02-7e5b1c2d3f40": export,
            "01a2001a-33aa-7c1e-9d02-7e5b1c2d3f41": link,
            "01a2001b-77aa-7c1d-8f02-93b4c5d6e7f8": str(RejectedMessage.objects.get().uuid),
            "3q2-7wXl0PzVbUoYk9sE1rT5": token,
            "Zq7rXc0v.bm9uY2UgYW5kIGFkZHJlc3M": _mailed_code(service),
            "2026-03-20T12:00:00Z": timezone.now().isoformat(),
            "01a2001d-66bb-4c2e-8a01-84c5d6e7f809": webhook,
            "01a2001d-77bb-4c2e-8a01-84c5d6e7f80b": destination,
            **make_imports(),
            "4f3c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4c": sql_source_id(),
            "6f3c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4d": registry_id(),
            "6f3c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4e": refund_name_id(),
            **_make_retention(),
            "01a2001e-1b2c-4d3e-8f40-5a6b7c8d9e0f": _hold_id(),
            "a1b2c3d4": WriteKey.objects.get(source__key="shop").prefix,
            "tss_a1b2c3d4": signing_secrets_prefix(),
            "twp_3q2-7wXl0PzVbUoYk9sE1rT5": make_write_key(make_source(), kind="public"),
        },
    )


def _make_retention() -> dict[str, str]:
    """Make a rule that waits for its approval, and a forecast with it."""
    now = timezone.now()
    rule = create_rule(
        event="Order Completed",
        purpose=Purpose.objects.get(key="newsletter"),
        terms=RuleTerms(period="P10Y"),
        actor=TESTER,
        now=now,
    )
    forecast = make_forecast(at=now + timedelta(days=1), now=now)
    return {
        "01a2001e-2c3d-4e4f-9a51-6b7c8d9e0f1a": str(rule.pk),
        "01a2001e-3d4e-4f50-8b62-7c8d9e0f1a2b": str(forecast.pk),
    }


def _hold_id() -> str:
    """Hold an order of somebody who was erased."""
    send_messages({"userId": "h-1"}, {"type": "track", "userId": "h-1", "event": "Order Completed"})
    new_hold = NewHold(
        references=["user_id:h-1"],
        scope={"events": ["Order Completed"]},
        ground="legal_claim",
        reason="A claim about an order.",
        review_on=timezone.now().date() + timedelta(days=90),
    )
    hold = place_hold(new_hold, actor=TESTER, now=timezone.now())
    erasure = NewRequest(kind="erasure", references=("user_id:h-1",), reason="A letter.")
    open_request(erasure, door="service", actor=TESTER)
    act_on_requests()
    return str(hold.pk)


def _give_consent(service: APIClient) -> None:
    body = {
        "identifier": "email:ada@example.org",
        "purpose": "newsletter",
        "state": "given",
        "method": "checkbox",
    }
    assert service.post("/api/v1/consents/", body).status_code == 201


def _identifier_id(service: APIClient, profile: Profile, namespace: str) -> str:
    """Return the opaque id of the profile's first identifier of a namespace."""
    route = f"/api/v1/profiles/{profile.uuid}/identifiers/?namespace={namespace}"
    identifier_id: str = service.get(route).json()["results"][0]["id"]
    return identifier_id


def _quarantined_id(service: APIClient) -> str:
    """Send a number that everybody gives, and return its opaque id."""
    number = "+33612345678"
    send_messages(*({"userId": f"c-{each}", "traits": {"phone": number}} for each in range(25)))
    route = "/api/v1/identity/quarantines/"
    quarantined_id: str = service.get(route).json()["results"][0]["id"]
    return quarantined_id


def _paused_application() -> dict[str, str | int]:
    """Begin to apply other rules, pause it, and return its id and the number of its version."""
    rules = as_plain(document_of_store())
    email = next(rule for rule in rules["namespaces"] if rule["namespace"] == "email")
    email["limit"]["count"] = 3
    reason = "Nobody has more than three addresses a year."
    application = apply_rules(parse_document(rules), actor=TESTER, reason=reason)
    pause_application(application, actor=TESTER)
    return {
        "01a2001d-2a6f-7e54-8b81-3c7d9e0f1a23": str(application.uuid),
        "1207": application.version_id,
    }


def _decision_id() -> str:
    """Decide that two sisters are two people, and return the id of the verdict."""
    one, other = (
        Identifier.objects.get(namespace="user_id", value=value) for value in ("42", "c-1")
    )
    new = NewDecision(DecisionVerdict.NOT_SAME, one, other, "Two sisters share the tablet.")
    return str(decide(new, actor=TESTER).uuid)


def _case_id() -> str:
    """Have two customers name one address, and return the id of the case."""
    for user in ("c-6", "c-7"):
        send_messages({"userId": user, "traits": {"email": "family@example.org"}})
    family = Identifier.objects.get(value="family@example.org")
    return str(IdentityCase.objects.get(identifier=family.pk).uuid)


def _visitors_proposal() -> str:
    """Propose that a visitor is Ada, and return the id of the proposal."""
    send_messages({"anonymousId": "t-1", "traits": {"city": "Lyon"}})
    return _proposal_id("email:ada@example.org", "anonymous_id:t-1")


def _proposal_id(*references: str) -> str:
    """Propose that two people are one, by a model, and return the id of the proposal."""
    model = {"shape": 1, "fields": ["city"], "people": 300, "pairs": 20}
    MatchModel.objects.get_or_create(**model, defaults={"scored_until": NOW})
    sides = [profile_of(reference) for reference in references]
    one, other = (
        Identifier.objects.get(namespace="profile", value=str(side.uuid)) for side in sides
    )
    field = "phone" if references[0].startswith("user_id") else "city"
    proposal = MatchProposal.objects.create(
        one=one, other=other, probability=0.95, prior=-10, weights={field: 14.2}
    )
    return str(proposal.uuid)


def _services_request(service: APIClient) -> str:
    body = {
        "kind": "access",
        "identifiers": ["email:ada@example.org"],
        "reason": "Asked at the counter.",
    }
    return _done_request(service, f"{PRIVACY}/requests/", body)


def _customers_request(customer: APIClient) -> str:
    return _done_request(customer, f"{PRIVACY}/me/requests/", {"kind": "access"})


def _lifted_request(client: APIClient, route: str, body: dict[str, Any]) -> str:
    """A restriction that is over; to lift it again changes nothing."""
    request = client.post(route, body | {"kind": "restriction"}).json()["id"]
    act_on_requests()
    restriction = PrivacyRequest.objects.get(pk=request)
    lift_restriction(restriction, actor=TESTER, reason="It is over.", now=timezone.now())
    return str(request)


def _done_request(client: APIClient, route: str, body: dict[str, Any]) -> str:
    response = client.post(route, body)
    assert response.status_code == 201, response.json()
    act_on_requests()
    request_id: str = response.json()["id"]
    request = PrivacyRequest.objects.get(pk=request_id)
    assert request.status == PrivacyRequest.Status.DONE
    # Only what was fetched can be confirmed.
    take_archive(request, actor=TESTER, now=database_now())
    return request_id


def _customers_session() -> tuple[APIClient, str]:
    """Return a customer in a session, and the token of one more link that nobody used yet."""
    customer = APIClient()
    response = customer.post(f"{PRIVACY}/me/session/", {"token": _mailed_token()})
    customer.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['token']}")
    return customer, _mailed_token()


def _mailed_code(service: APIClient) -> str:
    """Return the code of a link that somebody got who has yet to confirm their opt-in."""
    body = {"email": "grace@example.org", "purposes": ["newsletter"]}
    assert service.post("/api/v1/consents/opt-ins/", body).status_code == 202
    send_confirmations()
    return str(mail.outbox[-1].body).split("#")[1].split()[0]


def _mailed_token() -> str:
    APIClient().post(f"{PRIVACY}/me/link/", {"email": "ada@example.org"})
    send_links()
    text = str(mail.outbox[-1].body)
    return text.split("/privacy/#")[1].split()[0]
