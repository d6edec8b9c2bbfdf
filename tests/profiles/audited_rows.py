"""The rows that the calls of the audit act on."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core import mail
from django.test import override_settings
from django.utils import timezone
from django_otp.oath import totp

import consent.services
import ingestion.services
import profiles.services
from consent.models import (
    BouncedAddress,
    BulkRequest,
    Controller,
    LegalHold,
    LetterModel,
    PrivacyRequest,
    RetentionRule,
    SubjectRequest,
)
from consent.services import NewRequest, suppress
from ingestion.models import ConsentCategory, FileImport, ForbiddenName, Product, RejectedMessage
from profiles.identity.ruleset.document import ParsedRules
from profiles.models import (
    DecisionVerdict,
    EventName,
    Identifier,
    IdentityCase,
    IdentityDecision,
    MatchProposal,
    Profile,
    RulesApplication,
    SchemaKey,
    TraitDefinition,
)
from profiles.services import Actor, NewDecision, rectify
from tests.factories import (
    NOW,
    TESTER,
    accept_only,
    make_case,
    make_profile,
    make_purpose,
    make_source,
    send_messages,
)

FILE = b"Mail,Date\nada@example.org,2026-01-31\n"


def knife() -> Product:
    return Product(number="P-1", name="A knife")


def open_erasure() -> PrivacyRequest:
    make_profile("email:ada@example.org")
    return consent.services.open_request(
        NewRequest(kind="erasure", references=("email:ada@example.org",)),
        door="staff",
        actor=TESTER,
    )


def changed_rules() -> ParsedRules:
    content = profiles.services.as_plain(profiles.services.document_of_store())
    return profiles.services.parse_document(content | {"caps": {"daily": 7, "total": 9}})


def running_application() -> RulesApplication:
    return profiles.services.apply_rules(changed_rules(), actor=TESTER)


def paused_application() -> RulesApplication:
    application = running_application()
    profiles.services.pause_application(application, actor=TESTER)
    return application


def open_unverified() -> PrivacyRequest:
    profile = make_profile("email:ada@example.org", "user_id:1")
    return consent.services.open_own_request(
        NewRequest(kind="restriction"),
        identifier_id=profile.identifiers.get(namespace="email").pk,
        actor=TESTER,
    )


def make_controller() -> Controller:
    row = Controller(controller_id="acme", name="Acme", service="acme")
    consent.services.save_controller(row, actor=TESTER)
    return row


def new_subject_request() -> consent.services.NewSubjectRequest:
    return consent.services.NewSubjectRequest(
        subject_request_id=uuid4(),
        kind="access",
        regulation="gdpr",
        submitted_at=NOW,
        body=b"{}",
        references=("email:ada@example.org",),
    )


def open_subject_request() -> SubjectRequest:
    return consent.services.open_subject_request(
        new_subject_request(), controller=make_controller(), actor=TESTER
    )


def restriction_in_effect() -> PrivacyRequest:
    make_profile("email:ada@example.org")
    request = consent.services.open_request(
        NewRequest(kind="restriction", references=("email:ada@example.org",)),
        door="staff",
        actor=TESTER,
    )
    consent.services.act_on_request(request.pk, actor=TESTER)
    request.refresh_from_db()
    return request


def finished_access() -> PrivacyRequest:
    make_profile("email:ada@example.org")
    request = consent.services.open_request(
        NewRequest(kind="access", references=("email:ada@example.org",)),
        door="staff",
        actor=TESTER,
    )
    consent.services.act_on_request(request.pk, actor=TESTER)
    return request


def code_of_new_device(user: User) -> str:
    device = profiles.services.begin_second_factor(user)
    return f"{totp(device.bin_key):06}"


def with_second_factor() -> User:
    user = User.objects.create_user("marketer")
    profiles.services.confirm_second_factor(user, code_of_new_device(user), actor=TESTER)
    return user


def fetched_access() -> Any:
    request = finished_access()
    consent.services.take_archive(request, actor=TESTER, now=timezone.now())
    return request


def rejected_message() -> RejectedMessage:
    accept_only({"type": "identify", "userId": "u1", "traits": 3})
    ingestion.services.drain_inbox()
    return RejectedMessage.objects.get()


def bounced_address() -> Any:
    consent.services.note_bounce("ada@example.org", is_hard=True, at=NOW)
    return BouncedAddress.objects.get()


def uploaded_file() -> FileImport:
    begun = begin_file()
    return ingestion.services.add_part(begun, 0, FILE, actor=TESTER)


def begin_file() -> FileImport:
    return ingestion.services.begin_import(make_source(), "a.csv", len(FILE), actor=TESTER)


def schema_key() -> SchemaKey:
    name = EventName.objects.get_or_create(kind="track", name="Bought")[0]
    return SchemaKey.objects.create(
        part="property", name=name, path="size", first_seen_at=NOW, last_seen_at=NOW
    )


def refund_name() -> EventName:
    EventName.objects.get_or_create(kind="track", name="Bought")
    return EventName.objects.get_or_create(kind="track", name="Returned")[0]


def defined_trait() -> TraitDefinition:
    return TraitDefinition.objects.get_or_create(key="size", type="text")[0]


def forbidden_name() -> ForbiddenName:
    unsaved = ForbiddenName(name="ssn")
    ingestion.services.forbid_name(unsaved, actor=TESTER)
    return unsaved


def category() -> ConsentCategory:
    return ConsentCategory(source=make_source(), category="ads", purpose=make_purpose())


def saved_category() -> ConsentCategory:
    unsaved = category()
    ingestion.services.save_consent_category(unsaved, actor=TESTER)
    return unsaved


def change_user(actor: Actor) -> None:
    user = User.objects.create_user("ada")
    with profiles.services.staff_saved(user, actor=actor) as saved:
        user.is_staff = True
        user.save()
        saved.append(user)


def change_role(actor: Actor) -> None:
    role = Group.objects.create(name="helper")
    with profiles.services.role_saved(role, actor=actor) as saved:
        saved.append(role)


def terms(**changes: Any) -> Any:
    return consent.services.PurposeTerms(
        **({"title": "News", "text": "We write.", "legal_basis": "consent"} | changes)
    )


def new_hold() -> consent.services.NewHold:
    make_profile("user_id:1")
    return consent.services.NewHold(
        references=["user_id:1"],
        scope={"events": []},
        ground="legal_claim",
        reason="A claim.",
        review_on=timezone.now().date() + timedelta(days=90),
    )


def make_hold() -> LegalHold:
    return consent.services.place_hold(new_hold(), actor=TESTER, now=timezone.now())


def rule_parts() -> dict[str, Any]:
    return {
        "category": "ordinary",
        "purpose": make_purpose("stats"),
        "terms": consent.services.RuleTerms(period="P1Y"),
        "now": timezone.now(),
    }


def make_rule() -> RetentionRule:
    return consent.services.create_rule(**rule_parts(), actor=TESTER)


def letter_model() -> LetterModel:
    return LetterModel(kind="access", event="done", language="en", subject="Done", text="Done.")


def attachment() -> Any:
    return consent.services.attach(
        open_unverified(), "a.txt", b"A letter.", actor=TESTER, now=timezone.now()
    )


def two_alike() -> list[PrivacyRequest]:
    new_request = NewRequest(kind="access", references=("user_id:1",))
    return [
        consent.services.open_request(new_request, door="staff", actor=TESTER) for _ in range(2)
    ]


def bulk() -> BulkRequest:
    return BulkRequest.objects.create(
        kind="access", reason="A breach.", person_ids=[1], requested_by="staff:1", requested_at=NOW
    )


def stop_of_cooling(actor: Actor) -> None:
    request = PrivacyRequest.objects.create(
        kind="erasure",
        status="cooling",
        door="staff",
        received_at=timezone.now(),
        due_at=timezone.now(),
        cooling_until=timezone.now() + timedelta(hours=1),
    )
    consent.services.stop_request(request, actor=actor, reason="A mistake.", now=timezone.now())


def wrap_with_another_key(actor: Actor) -> None:
    suppressed_references()
    keys = {
        "RETIRED_SUPPRESSION_KEYS": [settings.SUPPRESSION_KEY],
        "SUPPRESSION_KEY": "another key",
    }
    with override_settings(**keys):
        consent.services.wrap_suppressions(actor=actor)


def mailed_code() -> str:
    make_purpose()
    opt_in = consent.services.NewOptIn(email="ada@example.org", purposes=["newsletter"])
    consent.services.request_opt_in(opt_in, actor=TESTER)
    consent.services.send_confirmations()
    return str(mail.outbox[-1].body).split("#")[1].split()[0]


def quarantined_of_old() -> Identifier:
    """A number that everybody gives, still with the first who gave it, as an older version left it.

    Returns its row.
    """
    messages = ({"userId": f"c-{n}", "traits": {"phone": "+33612345678"}} for n in range(25))
    send_messages(*messages)
    number = Identifier.objects.get(namespace="phone")
    holder = Identifier.objects.get(namespace="user_id", value="c-0")
    own, number.profile_id = number.profile_id, holder.profile_id
    number.save(update_fields=["profile"])
    Identifier.objects.filter(profile_id=own).delete()
    Profile.objects.filter(pk=own).delete()
    return number


def verdict_of_same() -> NewDecision:
    one, other = two_identifiers()
    return NewDecision(DecisionVerdict.SAME, one, other, "One voice.")


def standing_decision() -> IdentityDecision:
    return profiles.services.decide(verdict_of_same(), actor=TESTER)


def two_identifiers() -> list[Any]:
    profile = make_profile("email:ada@example.org", "user_id:1")
    return list(profile.identifiers.exclude(namespace="profile"))


def open_case() -> IdentityCase:
    return make_case("user_id:1")


def open_proposal() -> MatchProposal:
    sides = [make_profile(f"user_id:{number}") for number in range(2)]
    one, other = (side.identifiers.get(namespace="profile") for side in sides)
    return MatchProposal.objects.create(
        one=one, other=other, probability=0.9, prior=-10, weights={"city": 13}
    )


def person_with_address() -> str:
    make_profile("email:ada@example.org")
    return "email:ada@example.org"


def suppressed_references() -> list[str]:
    suppress(["email:gone@example.org"], request_id=None)
    return ["email:gone@example.org"]


def corrected_profile() -> Any:
    profile = make_profile("user_id:1")
    rectify(profile.pk, {"city": "Lyon"}, actor=TESTER, reason="asked for")
    return profile
