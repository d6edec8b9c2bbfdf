"""A call of each public write service, as an actor makes it, and the rows that it needs."""

import inspect
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
import profiles.services
import segments.services
from consent.letters.writing import WrittenLetter
from consent.models import Controller
from consent.services import NewRequest
from consent.suppression.keys import suppression_keys
from ingestion.models import DrainPause, ForbiddenName, Hook, RejectedMessage, WriteKey
from ingestion.services import Operation, SchemaReview, Verb, register_hook
from profiles.models import ApiKey, IdentityCase, IdentityRule, MatchProposal, TraitDefinition
from profiles.models.access import Scope
from profiles.services import Actor, Review, create_api_key
from segments.exports.columns import column_choices, read_columns
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
from tests.profiles.audited_segments import (
    COMPUTED,
    DECISION,
    EVERYONE,
    FAMILY,
    WEBHOOK,
    automation_fields,
    list_before_ada,
    list_with_ada,
    live_automation,
    mail_fields,
    make_archived_segment,
    make_automation,
    make_computed_trait,
    make_destination,
    make_family,
    make_group,
    make_list,
    make_mail_template,
    make_pool,
    make_segment,
    make_webhook,
    new_destination,
    paused_segment,
    paused_webhook,
    segment_before_ada,
    segment_without_ada,
)

SERVICES = (profiles.services, consent.services, ingestion.services, segments.services)
FILE_MAPPING = {"call": "identify", "columns": {"Mail": "email", "Date": "timestamp"}}
MENDED = b'{"type":"track","userId":"u-1","event":"Viewed"}'


def public_functions() -> dict[str, Callable[..., Any]]:
    return {
        name: function
        for module in SERVICES
        for name in module.__all__
        if inspect.isfunction(function := getattr(module, name))
    }


FACT = {"call": "identify", "id": "id", "time": "at", "who": {"email": "email"}}


def own_hook() -> Hook:
    """A webhook without a mapping yet."""
    source = register_hook("votes", preset="custom", secret="s", actor=TESTER)[0]
    return Hook.objects.get(source=source)


def _set_up_second_factor() -> Any:
    user = User.objects.create_user("marketer")
    return _call("confirm_second_factor", user, code_of_new_device(user))


def export_of_all() -> Callable[[Actor], object]:
    columns = read_columns((), column_choices())
    return _call(
        "start_export", make_segment("live"), purpose=make_purpose(), columns=columns, format="csv"
    )


def approve_rule() -> Callable[[Actor], object]:
    rule, now = make_rule(), timezone.now()
    forecast = consent.services.make_forecast(at=now, now=now)
    return _call("approve_rule", rule, forecast=forecast, now=now)


# Each prepares what the function is called with, and returns the call.
CALLS: dict[str, Callable[[], Callable[[Actor], object]]] = {
    "act_on_request": lambda: _call("act_on_request", open_erasure().pk),
    "add_notice": lambda: _call(
        "add_notice", key="form", language="en", content="Words.", shown_from=NOW
    ),
    "anonymise_staff": lambda: _call("anonymise_staff", User.objects.create_user("ada")),
    "approve_rule": approve_rule,
    "change_rule": lambda: _call(
        "change_rule",
        make_rule(),
        terms=consent.services.RuleTerms(period="P2Y"),
        now=timezone.now(),
    ),
    "create_rule": lambda: _call("create_rule", **rule_parts()),
    "archive_segment": lambda: _call("archive_segment", make_segment()),
    "cancel_request": lambda: _call("cancel_request", open_unverified()),
    "cancel_subject_request": lambda: _call("cancel_subject_request", open_subject_request()),
    "change_hold": lambda: _call(
        "change_hold", make_hold(), changes={"reason": "Two claims."}, now=timezone.now()
    ),
    "change_purpose": lambda: _call(
        "change_purpose", make_purpose(), terms=terms(), is_substantial=True, now=NOW
    ),
    "change_source": lambda: _call("change_source", make_source(), name="Shop"),
    "clone_segment": lambda: _call("clone_segment", make_segment(), key="copy", name="Copy"),
    "create_api_key": lambda: _call("create_api_key", "shop", scopes=["profiles:read"]),
    "create_segment": lambda: _call(
        "create_segment", key="known", name="Known", definition=EVERYONE
    ),
    "create_source": lambda: _call("create_source", "shop"),
    "add_part": lambda: _call("add_part", begin_file(), 0, FILE),
    "begin_import": lambda: _call("begin_import", make_source(), "a.csv", 1),
    "cancel_import": lambda: _call("cancel_import", uploaded_file()),
    "delete_mapping": lambda: _call(
        "delete_mapping", ingestion.services.save_mapping("crm", FILE_MAPPING, actor=TESTER)
    ),
    "delete_product": lambda: _call(
        "delete_product", ingestion.services.save_product(knife(), actor=TESTER)
    ),
    "save_product": lambda: _call("save_product", knife()),
    "forbid_name": lambda: _call("forbid_name", ForbiddenName(name="ssn")),
    "forbid_names": lambda: _call("forbid_names", ["ssn", "ssn", "*"]),
    "review_properties": lambda: _call(
        "review_properties", [schema_key().uuid], Review(is_money=True)
    ),
    "set_reduced": lambda: _call("set_reduced", refund_name(), "Bought"),
    "review_schema": lambda: _call(
        "review_schema", SchemaReview(properties=[schema_key().uuid], category="special")
    ),
    "review_traits": lambda: _call("review_traits", [defined_trait().key], Review(is_money=True)),
    "permit_name": lambda: _call("permit_name", forbidden_name()),
    "save_plan": lambda: _call("save_plan", make_source(), {}),
    "import_products": lambda: _call(
        "import_products", BufferedReader(BytesIO(b"id,name\nP-1,A knife\n"))
    ),
    "save_products": lambda: _call("save_products", [{"number": "P-1", "name": "A knife"}]),
    "save_mapping": lambda: _call("save_mapping", "crm", FILE_MAPPING),
    "create_sql_source": lambda: _call("create_sql_source", sql_draft()),
    "delete_sql_source": lambda: _call("delete_sql_source", make_sql_source(), now=NOW),
    "pause_sql_source": lambda: _call("pause_sql_source", make_sql_source()),
    "resume_sql_source": lambda: _call("resume_sql_source", paused_sql_source(), now=NOW),
    "run_sql_source": lambda: _call("run_sql_source", make_sql_source(), now=NOW),
    "update_sql_source": lambda: _call(
        "update_sql_source", make_sql_source(), changes={"name": "Till"}, now=NOW
    ),
    "start_import": lambda: _call("start_import", uploaded_file(), FILE_MAPPING),
    "create_signing_secret": lambda: _call("create_signing_secret", make_source()),
    "create_write_key": lambda: _call("create_write_key", make_source(), kind=WriteKey.Kind.SECRET),
    "define_purpose": lambda: _call("define_purpose", key="news", terms=terms(), now=NOW),
    "delete_consent_category": lambda: _call("delete_consent_category", saved_category()),
    "delete_role": lambda: _call("delete_role", Group.objects.create(name="helper")),
    "extend_request": lambda: _call(
        "extend_request", open_unverified(), reason="Many.", now=timezone.now()
    ),
    "mend_message": lambda: _call("mend_message", rejected_message(), MENDED),
    "mend_messages": lambda: _call(
        "mend_messages",
        RejectedMessage.objects.filter(pk=rejected_message().pk),
        [Operation(Verb.DROP, "traits")],
    ),
    "decide": lambda: _call("decide", verdict_of_same()),
    "answer_proposal": lambda: _call(
        "answer_proposal", open_proposal(), MatchProposal.State.DECLINED
    ),
    "postpone_proposal": lambda: _call("postpone_proposal", open_proposal()),
    "answer_case": lambda: _call("answer_case", open_case(), IdentityCase.Answer.LEFT),
    "postpone_case": lambda: _call("postpone_case", open_case()),
    "open_bulk": lambda: _call("open_bulk", "access", [1], reason="A breach.", now=timezone.now()),
    "approve_bulk": lambda: _call("approve_bulk", bulk(), reason="Seen.", now=timezone.now()),
    "decline_bulk": lambda: _call("decline_bulk", bulk(), reason="No.", now=timezone.now()),
    "break_glass": lambda: _call("break_glass", bulk(), reason="Alone.", now=timezone.now()),
    "save_letter": lambda: _call("save_letter", letter_model()),
    "send_letter": lambda: _call(
        "send_letter",
        finished_access(),
        WrittenLetter("done", "About it", "It is done."),
        "ada@example.org",
        now=timezone.now(),
    ),
    "note_letter": lambda: _call("note_letter", finished_access(), "done", now=timezone.now()),
    "scope_of_reads": lambda: _call("scope_of_reads", "staff:1", since=NOW, until=NOW),
    "people_read": lambda: _call("people_read", "staff:1", since=NOW, until=NOW),
    "add_note": lambda: _call("add_note", open_unverified(), "She called."),
    "answer_request": lambda: _call(
        "answer_request", finished_access(), "letter", now=timezone.now()
    ),
    "assign_request": lambda: _call(
        "assign_request", open_unverified(), User.objects.create_user("ada")
    ),
    "attach": lambda: _call("attach", open_unverified(), "a.txt", b"A letter.", now=timezone.now()),
    "detach": lambda: _call("detach", attachment()),
    "close_as_duplicate": lambda: _call("close_as_duplicate", *two_alike(), now=timezone.now()),
    "note_check": lambda: _call("note_check", open_unverified(), "called_back", "Knew it."),
    "stop_request": lambda: stop_of_cooling,
    "lift_restriction": lambda: _call(
        "lift_restriction", restriction_in_effect(), reason="It is over.", now=timezone.now()
    ),
    "replay_journal": lambda: _replay_of_one_line(),
    "undo_decision": lambda: _call("undo_decision", standing_decision()),
    "keep_apart": lambda: _call("keep_apart", *two_identifiers(), reason="Two sisters."),
    "lift_hold": lambda: _call("lift_hold", make_hold(), reason="Over.", now=timezone.now()),
    "open_own_request": lambda: _call(
        "open_own_request",
        NewRequest(kind="access"),
        identifier_id=make_profile("email:ada@example.org").identifiers.get(namespace="email").pk,
    ),
    "open_request": lambda: _call(
        "open_request",
        NewRequest(kind="access", references=("email:ada@example.org",)),
        door="staff",
    ),
    "password_changed": lambda: _call("password_changed", User.objects.create_user("ada")),
    "confirm": lambda: _call("confirm", mailed_code()),
    "wrap_suppressions": lambda: wrap_with_another_key,
    "make_deep_link": lambda: _call("make_deep_link", person_with_address()),
    "welcome_back": lambda: _call(
        "welcome_back", suppressed_references(), reason="a signed letter"
    ),
    "unlock": lambda: _call("unlock", corrected_profile().pk, ["city"], reason="a mistake"),
    "rectify": lambda: _call(
        "rectify", make_profile("user_id:1").pk, {"city": "Lyon"}, reason="asked for"
    ),
    "place_hold": lambda: _call("place_hold", new_hold(), now=timezone.now()),
    "refuse_request": lambda: _call(
        "refuse_request", open_unverified(), article="12(5)", reason="Excessive."
    ),
    "register_hook": lambda: _call("register_hook", "shop", preset="shopify", secret="s"),
    "change_kinds": lambda: _call("change_kinds", own_hook(), {"*": [FACT]}),
    "register_source": lambda: _call("register_source", "shop", kind=WriteKey.Kind.PUBLIC),
    "replay_message": lambda: _call("replay_message", rejected_message()),
    "restore_segment": lambda: _call("restore_segment", make_archived_segment()),
    "roll_back": lambda: _call("roll_back", make_segment(), 1),
    "revoke_api_key": lambda: _call(
        "revoke_api_key", create_api_key("a", scopes=Scope.values, actor=TESTER)[0]
    ),
    "revoke_signing_secret": lambda: _call(
        "revoke_signing_secret",
        ingestion.services.create_signing_secret(make_source(), actor=TESTER)[0],
    ),
    "revoke_write_key": lambda: _call(
        "revoke_write_key",
        ingestion.services.create_write_key(make_source(), kind=WriteKey.Kind.SECRET, actor=TESTER)[
            0
        ],
    ),
    "release_quarantine": lambda: _call(
        "release_quarantine", make_identifier("email:info@example.org", quarantined_at=NOW)
    ),
    "settle_quarantines": lambda: _call_after(quarantined_of_old, "settle_quarantines"),
    "role_saved": lambda: change_role,
    "save_consent_category": lambda: _call("save_consent_category", category()),
    "apply_rules": lambda: _call("apply_rules", changed_rules()),
    "pause_application": lambda: _call("pause_application", running_application()),
    "resume_application": lambda: _call("resume_application", paused_application()),
    "save_identity_rule": lambda: _call(
        "save_identity_rule", IdentityRule(namespace="card", priority=50)
    ),
    "save_trait_definition": lambda: _call(
        "save_trait_definition", TraitDefinition(key="colour", label="Colour", type="text")
    ),
    "search_made": lambda: _call("search_made", found=1),
    "source_of_service": lambda: _call(
        "source_of_service", ApiKey.objects.create(name="Till", scopes=[])
    ),
    "start_export": export_of_all,
    "staff_saved": lambda: change_user,
    "take_archive": lambda: _call("take_archive", finished_access(), now=timezone.now()),
    "confirm_second_factor": lambda: _set_up_second_factor(),
    "renew_recovery_codes": lambda: _call("renew_recovery_codes", with_second_factor()),
    "remove_second_factor": lambda: _call("remove_second_factor", with_second_factor()),
    "confirm_archive": lambda: _call("confirm_archive", fetched_access(), now=timezone.now()),
    "create_computed_trait": lambda: _call("create_computed_trait", **COMPUTED),
    "end_computed_trait": lambda: _call("end_computed_trait", make_computed_trait()),
    "update_computed_trait": lambda: _call(
        "update_computed_trait", make_computed_trait(), changes={"label": "Orders"}
    ),
    "create_family": lambda: _call("create_family", **FAMILY),
    "add_people": lambda: _call("add_people", list_before_ada(), ["user_id:1"]),
    "create_group": lambda: _call("create_group", key="offers", name="Offers", segments=[]),
    "delete_group": lambda: _call("delete_group", make_group()),
    "pause_segment": lambda: _call("pause_segment", make_segment()),
    "release_overrides": lambda: _call("release_overrides", segment_without_ada(), ["user_id:1"]),
    "resume_segment": lambda: _call("resume_segment", paused_segment()),
    "set_overrides": lambda: _call("set_overrides", segment_before_ada(), ["user_id:1"], DECISION),
    "update_group": lambda: _call("update_group", make_group(), changes={"name": "New"}),
    "create_automation": lambda: _call("create_automation", **automation_fields()),
    "update_automation": lambda: _call(
        "update_automation", make_automation(), changes={"name": "New"}
    ),
    "publish_automation": lambda: _call("publish_automation", make_automation()),
    "pause_automation": lambda: _call("pause_automation", live_automation()),
    "resume_automation": lambda: _call(
        "resume_automation", segments.services.pause_automation(live_automation(), actor=TESTER)
    ),
    "create_mail_template": lambda: _call("create_mail_template", **mail_fields()),
    "delete_mail_template": lambda: _call("delete_mail_template", make_mail_template()),
    "update_mail_template": lambda: _call(
        "update_mail_template", make_mail_template(), changes={"name": "New"}
    ),
    "send_test_mail": lambda: _call(
        "send_test_mail", make_mail_template(), {}, to="staff@example.org", language="en"
    ),
    "lift_block": lambda: _call("lift_block", bounced_address(), reason="they wrote to us"),
    "create_pool": lambda: _call("create_pool", key="summer", name="Summer"),
    "update_pool": lambda: _call("update_pool", make_pool(), changes={"name": "New"}),
    "add_codes": lambda: _call("add_codes", make_pool(), ["SUN-1"]),
    "generate_codes": lambda: _call("generate_codes", make_pool(), count=2),
    "archive_automation": lambda: _call("archive_automation", make_automation()),
    "install_template": lambda: _call(
        "install_template", "welcome", purpose=automation_fields()["purpose"]
    ),
    "create_webhook": lambda: _call("create_webhook", **WEBHOOK),
    "update_webhook": lambda: _call("update_webhook", make_webhook(), changes={"name": "New"}),
    "delete_webhook": lambda: _call("delete_webhook", make_webhook()),
    "pause_webhook": lambda: _call("pause_webhook", make_webhook()),
    "resume_webhook": lambda: _call("resume_webhook", paused_webhook()),
    "rotate_secret": lambda: _call("rotate_secret", make_webhook()),
    "replay": lambda: _call("replay", make_webhook(), since=NOW),
    "create_destination": lambda: _call("create_destination", new_destination()),
    "update_destination": lambda: _call(
        "update_destination", make_destination(), changes={"name": "New"}
    ),
    "create_list": lambda: _call("create_list", key="guests", name="Guests"),
    "delete_list": lambda: _call("delete_list", make_list()),
    "fill_list": lambda: _call("fill_list", list_before_ada(), EVERYONE),
    "remove_people": lambda: _call("remove_people", list_with_ada(), ["user_id:1"]),
    "update_list": lambda: _call("update_list", make_list(), changes={"name": "New"}),
    "end_family": lambda: _call("end_family", make_family()),
    "update_family": lambda: _call("update_family", make_family(), changes={"hour": 9}),
    "try_drain_now": lambda: _call_after(
        lambda: DrainPause.objects.create(error="UndefinedTable"), "try_drain_now"
    ),
    "update_segment": lambda: _call("update_segment", make_segment(), changes={"name": "New"}),
    "open_subject_request": lambda: _call(
        "open_subject_request", new_subject_request(), controller=make_controller()
    ),
    "save_controller": lambda: _call(
        "save_controller", Controller(controller_id="acme", name="Acme", service="acme")
    ),
    "verify_request": lambda: _call("verify_request", open_unverified(), note="Passport."),
}


def _call_after(prepare: Callable[[], object], name: str) -> Callable[[Actor], object]:
    prepare()
    return _call(name)


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


def _call(name: str, /, *args: Any, **fields: Any) -> Callable[[Actor], object]:
    return lambda actor: public_functions()[name](*args, actor=actor, **fields)
