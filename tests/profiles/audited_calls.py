"""A call of each public write service, as an actor makes it, with the rows that it needs."""

import json
from collections.abc import Callable
from io import BufferedReader, BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group, User
from django.test import override_settings
from django.utils import timezone

import consent.services
import ingestion.services
from consent.letters.writing import WrittenLetter
from consent.models import Controller
from consent.services import NewRequest
from consent.suppression.keys import suppression_keys
from ingestion.models import DrainPause, ForbiddenName, Hook, RejectedMessage, WriteKey
from ingestion.services import Operation, SchemaReview, Verb, register_hook
from profiles.models import ApiKey, IdentityCase, IdentityRule, MatchProposal, TraitDefinition
from profiles.models.access import Scope
from profiles.services import Actor, Review, create_api_key
from tests.factories import NOW, TESTER, make_identifier, make_profile, make_purpose, make_source
from tests.ingestion.sql_sources import draft as sql_draft
from tests.ingestion.sql_sources import make_sql_source, paused_sql_source
from tests.profiles.audited_rows import (
    FILE,
    attachment,
    begin_file,
    bounced_address,
    bulk,
    category,
    change_role,
    change_user,
    changed_rules,
    code_of_new_device,
    corrected_profile,
    defined_trait,
    fetched_access,
    finished_access,
    forbidden_name,
    knife,
    letter_model,
    mailed_code,
    make_controller,
    make_hold,
    make_rule,
    new_hold,
    new_subject_request,
    open_case,
    open_erasure,
    open_proposal,
    open_subject_request,
    open_unverified,
    paused_application,
    person_with_address,
    quarantined_of_old,
    refund_name,
    rejected_message,
    restriction_in_effect,
    rule_parts,
    running_application,
    saved_category,
    schema_key,
    standing_decision,
    stop_of_cooling,
    suppressed_references,
    terms,
    two_alike,
    two_identifiers,
    uploaded_file,
    verdict_of_same,
    with_second_factor,
    wrap_with_another_key,
)
from tests.profiles.audited_segment_calls import SEGMENT_CALLS
from tests.profiles.service_calls import call, call_after, public_functions

FILE_MAPPING = {"call": "identify", "columns": {"Mail": "email", "Date": "timestamp"}}
MENDED = b'{"type":"track","userId":"u-1","event":"Viewed"}'
FACT = {"call": "identify", "id": "id", "time": "at", "who": {"email": "email"}}


def own_hook() -> Hook:
    kinds = {"vote": [FACT]}
    source = register_hook("votes", preset="custom", secret="s", actor=TESTER, kinds=kinds)[0]
    return Hook.objects.get(source=source)


def _set_up_second_factor() -> Any:
    user = User.objects.create_user("marketer")
    return call("confirm_second_factor", user, code_of_new_device(user))


def approve_rule() -> Callable[[Actor], object]:
    rule, now = make_rule(), timezone.now()
    forecast = consent.services.make_forecast(at=now, now=now)
    return call("approve_rule", rule, forecast=forecast, now=now)


# Each prepares what the function is called with, and returns the call.
CALLS: dict[str, Callable[[], Callable[[Actor], object]]] = {
    **SEGMENT_CALLS,
    "act_on_request": lambda: call("act_on_request", open_erasure().pk),
    "add_notice": lambda: call(
        "add_notice", key="form", language="en", content="Words.", shown_from=NOW
    ),
    "anonymise_staff": lambda: call("anonymise_staff", User.objects.create_user("ada")),
    "approve_rule": approve_rule,
    "change_rule": lambda: call(
        "change_rule",
        make_rule(),
        terms=consent.services.RuleTerms(period="P2Y"),
        now=timezone.now(),
    ),
    "create_rule": lambda: call("create_rule", **rule_parts()),
    "cancel_request": lambda: call("cancel_request", open_unverified()),
    "cancel_subject_request": lambda: call("cancel_subject_request", open_subject_request()),
    "change_hold": lambda: call(
        "change_hold", make_hold(), changes={"reason": "Two claims."}, now=timezone.now()
    ),
    "change_purpose": lambda: call(
        "change_purpose", make_purpose(), terms=terms(), is_substantial=True, now=NOW
    ),
    "change_source": lambda: call("change_source", make_source(), name="Shop"),
    "create_api_key": lambda: call("create_api_key", "shop", scopes=["profiles:read"]),
    "create_source": lambda: call("create_source", "shop"),
    "add_part": lambda: call("add_part", begin_file(), 0, FILE),
    "begin_import": lambda: call("begin_import", make_source(), "a.csv", 1),
    "cancel_import": lambda: call("cancel_import", uploaded_file()),
    "delete_mapping": lambda: call(
        "delete_mapping", ingestion.services.save_mapping("crm", FILE_MAPPING, actor=TESTER)
    ),
    "delete_product": lambda: call(
        "delete_product", ingestion.services.save_product(knife(), actor=TESTER)
    ),
    "save_product": lambda: call("save_product", knife()),
    "forbid_name": lambda: call("forbid_name", ForbiddenName(name="ssn")),
    "forbid_names": lambda: call("forbid_names", ["ssn", "ssn", "*"]),
    "review_properties": lambda: call(
        "review_properties", [schema_key().uuid], Review(is_money=True)
    ),
    "set_reduced": lambda: call("set_reduced", refund_name(), "Bought"),
    "review_schema": lambda: call(
        "review_schema", SchemaReview(properties=[schema_key().uuid], category="special")
    ),
    "review_traits": lambda: call("review_traits", [defined_trait().key], Review(is_money=True)),
    "permit_name": lambda: call("permit_name", forbidden_name()),
    "save_plan": lambda: call("save_plan", make_source(), {}),
    "import_products": lambda: call(
        "import_products", BufferedReader(BytesIO(b"id,name\nP-1,A knife\n"))
    ),
    "save_products": lambda: call("save_products", [{"number": "P-1", "name": "A knife"}]),
    "save_mapping": lambda: call("save_mapping", "crm", FILE_MAPPING),
    "create_sql_source": lambda: call("create_sql_source", sql_draft()),
    "delete_sql_source": lambda: call("delete_sql_source", make_sql_source(), now=NOW),
    "pause_sql_source": lambda: call("pause_sql_source", make_sql_source()),
    "resume_sql_source": lambda: call("resume_sql_source", paused_sql_source(), now=NOW),
    "run_sql_source": lambda: call("run_sql_source", make_sql_source(), now=NOW),
    "update_sql_source": lambda: call(
        "update_sql_source", make_sql_source(), changes={"name": "Till"}, now=NOW
    ),
    "start_import": lambda: call("start_import", uploaded_file(), FILE_MAPPING),
    "create_signing_secret": lambda: call("create_signing_secret", make_source()),
    "create_write_key": lambda: call("create_write_key", make_source(), kind=WriteKey.Kind.SECRET),
    "define_purpose": lambda: call("define_purpose", key="news", terms=terms(), now=NOW),
    "delete_consent_category": lambda: call("delete_consent_category", saved_category()),
    "delete_role": lambda: call("delete_role", Group.objects.create(name="helper")),
    "extend_request": lambda: call(
        "extend_request", open_unverified(), reason="Many.", now=timezone.now()
    ),
    "mend_message": lambda: call("mend_message", rejected_message(), MENDED),
    "mend_messages": lambda: call(
        "mend_messages",
        RejectedMessage.objects.filter(pk=rejected_message().pk),
        [Operation(Verb.DROP, "traits")],
    ),
    "decide": lambda: call("decide", verdict_of_same()),
    "answer_proposal": lambda: call(
        "answer_proposal", open_proposal(), MatchProposal.State.DECLINED
    ),
    "postpone_proposal": lambda: call("postpone_proposal", open_proposal()),
    "answer_case": lambda: call("answer_case", open_case(), IdentityCase.Answer.LEFT),
    "postpone_case": lambda: call("postpone_case", open_case()),
    "open_bulk": lambda: call("open_bulk", "access", [1], reason="A breach.", now=timezone.now()),
    "approve_bulk": lambda: call("approve_bulk", bulk(), reason="Seen.", now=timezone.now()),
    "decline_bulk": lambda: call("decline_bulk", bulk(), reason="No.", now=timezone.now()),
    "break_glass": lambda: call("break_glass", bulk(), reason="Alone.", now=timezone.now()),
    "save_letter": lambda: call("save_letter", letter_model()),
    "send_letter": lambda: call(
        "send_letter",
        finished_access(),
        WrittenLetter("done", "About it", "It is done."),
        "ada@example.org",
        now=timezone.now(),
    ),
    "note_letter": lambda: call("note_letter", finished_access(), "done", now=timezone.now()),
    "scope_of_reads": lambda: call("scope_of_reads", "staff:1", since=NOW, until=NOW),
    "people_read": lambda: call("people_read", "staff:1", since=NOW, until=NOW),
    "add_note": lambda: call("add_note", open_unverified(), "She called."),
    "answer_request": lambda: call(
        "answer_request", finished_access(), "letter", now=timezone.now()
    ),
    "assign_request": lambda: call(
        "assign_request", open_unverified(), User.objects.create_user("ada")
    ),
    "attach": lambda: call("attach", open_unverified(), "a.txt", b"A letter.", now=timezone.now()),
    "detach": lambda: call("detach", attachment()),
    "close_as_duplicate": lambda: call("close_as_duplicate", *two_alike(), now=timezone.now()),
    "note_check": lambda: call("note_check", open_unverified(), "called_back", "Knew it."),
    "stop_request": lambda: stop_of_cooling,
    "lift_restriction": lambda: call(
        "lift_restriction", restriction_in_effect(), reason="It is over.", now=timezone.now()
    ),
    "replay_journal": lambda: _replay_of_one_line(),
    "undo_decision": lambda: call("undo_decision", standing_decision()),
    "keep_apart": lambda: call("keep_apart", *two_identifiers(), reason="Two sisters."),
    "lift_hold": lambda: call("lift_hold", make_hold(), reason="Over.", now=timezone.now()),
    "open_own_request": lambda: call(
        "open_own_request",
        NewRequest(kind="access"),
        identifier_id=make_profile("email:ada@example.org").identifiers.get(namespace="email").pk,
    ),
    "open_request": lambda: call(
        "open_request",
        NewRequest(kind="access", references=("email:ada@example.org",)),
        door="staff",
    ),
    "password_changed": lambda: call("password_changed", User.objects.create_user("ada")),
    "confirm": lambda: call("confirm", mailed_code()),
    "wrap_suppressions": lambda: wrap_with_another_key,
    "make_deep_link": lambda: call("make_deep_link", person_with_address()),
    "welcome_back": lambda: call("welcome_back", suppressed_references(), reason="a signed letter"),
    "unlock": lambda: call("unlock", corrected_profile().pk, ["city"], reason="a mistake"),
    "rectify": lambda: call(
        "rectify", make_profile("user_id:1").pk, {"city": "Lyon"}, reason="asked for"
    ),
    "place_hold": lambda: call("place_hold", new_hold(), now=timezone.now()),
    "refuse_request": lambda: call(
        "refuse_request", open_unverified(), article="12(5)", reason="Excessive."
    ),
    "register_hook": lambda: call("register_hook", "shop", preset="shopify", secret="s"),
    "change_hook": lambda: call("change_hook", own_hook(), kinds={"*": [FACT]}),
    "replace_address": lambda: call("replace_address", own_hook()),
    "delete_hook": lambda: call("delete_hook", own_hook()),
    "register_source": lambda: call("register_source", "shop", kind=WriteKey.Kind.PUBLIC),
    "replay_message": lambda: call("replay_message", rejected_message()),
    "revoke_api_key": lambda: call(
        "revoke_api_key", create_api_key("a", scopes=Scope.values, actor=TESTER)[0]
    ),
    "revoke_signing_secret": lambda: call(
        "revoke_signing_secret",
        ingestion.services.create_signing_secret(make_source(), actor=TESTER)[0],
    ),
    "revoke_write_key": lambda: call(
        "revoke_write_key",
        ingestion.services.create_write_key(make_source(), kind=WriteKey.Kind.SECRET, actor=TESTER)[
            0
        ],
    ),
    "release_quarantine": lambda: call(
        "release_quarantine", make_identifier("email:info@example.org", quarantined_at=NOW)
    ),
    "settle_quarantines": lambda: call_after(quarantined_of_old, "settle_quarantines"),
    "role_saved": lambda: change_role,
    "save_consent_category": lambda: call("save_consent_category", category()),
    "apply_rules": lambda: call("apply_rules", changed_rules()),
    "pause_application": lambda: call("pause_application", running_application()),
    "resume_application": lambda: call("resume_application", paused_application()),
    "save_identity_rule": lambda: call(
        "save_identity_rule", IdentityRule(namespace="card", priority=50)
    ),
    "save_trait_definition": lambda: call(
        "save_trait_definition", TraitDefinition(key="colour", label="Colour", type="text")
    ),
    "search_made": lambda: call("search_made", found=1),
    "source_of_service": lambda: call(
        "source_of_service", ApiKey.objects.create(name="Till", scopes=[])
    ),
    "staff_saved": lambda: change_user,
    "take_archive": lambda: call("take_archive", finished_access(), now=timezone.now()),
    "confirm_second_factor": lambda: _set_up_second_factor(),
    "renew_recovery_codes": lambda: call("renew_recovery_codes", with_second_factor()),
    "remove_second_factor": lambda: call("remove_second_factor", with_second_factor()),
    "confirm_archive": lambda: call("confirm_archive", fetched_access(), now=timezone.now()),
    "lift_block": lambda: call("lift_block", bounced_address(), reason="they wrote to us"),
    "try_drain_now": lambda: call_after(
        lambda: DrainPause.objects.create(error="UndefinedTable"), "try_drain_now"
    ),
    "open_subject_request": lambda: call(
        "open_subject_request", new_subject_request(), controller=make_controller()
    ),
    "save_controller": lambda: call(
        "save_controller", Controller(controller_id="acme", name="Acme", service="acme")
    ),
    "verify_request": lambda: call("verify_request", open_unverified(), note="Passport."),
}


def _replay_of_one_line() -> Callable[[Actor], object]:
    """Have the journal know of a withdrawal that the database does not."""
    path = Path(mkdtemp()) / "journal.jsonl"
    key = suppression_keys()[-1].id
    line = {"seq": 1, "id": str(uuid4()), "act": "erasure", "digests": ["00" * 32]}
    path.write_text(json.dumps(line | {"key": key, "version": 2, "at": NOW.isoformat()}) + "\n")

    def replay(actor: Actor) -> object:
        with override_settings(PRIVACY_JOURNAL=str(path)):
            return public_functions()["replay_journal"](actor=actor)

    return replay
