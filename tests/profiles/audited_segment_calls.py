"""A call of each public write service of segments, as an actor makes it, with its rows."""

from collections.abc import Callable

import segments.services
from profiles.services import Actor
from segments.exports.columns import column_choices, read_columns
from segments.models import MemberExport
from segments.services import ExportOrder
from tests.factories import NOW, TESTER, make_purpose
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
from tests.profiles.service_calls import call


def new_export() -> ExportOrder:
    columns = read_columns((), column_choices())
    people = make_segment("live")
    return ExportOrder(segment=people, purpose=make_purpose(), columns=columns, format="csv")


def ready_export() -> MemberExport:
    return segments.services.order_export(new_export(), actor=TESTER)


def waiting_export() -> MemberExport:
    export = ready_export()
    MemberExport.objects.update(state="waiting")
    return export


# Each prepares what the function is called with, and returns the call.
SEGMENT_CALLS: dict[str, Callable[[], Callable[[Actor], object]]] = {
    "archive_segment": lambda: call("archive_segment", make_segment()),
    "clone_segment": lambda: call("clone_segment", make_segment(), key="copy", name="Copy"),
    "create_segment": lambda: call(
        "create_segment", key="known", name="Known", definition=EVERYONE
    ),
    "restore_segment": lambda: call("restore_segment", make_archived_segment()),
    "roll_back": lambda: call("roll_back", make_segment(), 1),
    "order_export": lambda: call("order_export", new_export()),
    "take_export": lambda: call("take_export", ready_export()),
    "make_link": lambda: call("make_link", ready_export(), hours=1),
    "withdraw_export": lambda: call("withdraw_export", ready_export()),
    "approve_export": lambda: call("approve_export", waiting_export()),
    "decline_export": lambda: call("decline_export", waiting_export()),
    "create_computed_trait": lambda: call("create_computed_trait", **COMPUTED),
    "end_computed_trait": lambda: call("end_computed_trait", make_computed_trait()),
    "update_computed_trait": lambda: call(
        "update_computed_trait", make_computed_trait(), changes={"label": "Orders"}
    ),
    "create_family": lambda: call("create_family", **FAMILY),
    "add_people": lambda: call("add_people", list_before_ada(), ["user_id:1"]),
    "create_group": lambda: call("create_group", key="offers", name="Offers", segments=[]),
    "delete_group": lambda: call("delete_group", make_group()),
    "pause_segment": lambda: call("pause_segment", make_segment()),
    "release_overrides": lambda: call("release_overrides", segment_without_ada(), ["user_id:1"]),
    "resume_segment": lambda: call("resume_segment", paused_segment()),
    "set_overrides": lambda: call("set_overrides", segment_before_ada(), ["user_id:1"], DECISION),
    "update_group": lambda: call("update_group", make_group(), changes={"name": "New"}),
    "create_automation": lambda: call("create_automation", **automation_fields()),
    "update_automation": lambda: call(
        "update_automation", make_automation(), changes={"name": "New"}
    ),
    "publish_automation": lambda: call("publish_automation", make_automation()),
    "pause_automation": lambda: call("pause_automation", live_automation()),
    "resume_automation": lambda: call(
        "resume_automation", segments.services.pause_automation(live_automation(), actor=TESTER)
    ),
    "create_mail_template": lambda: call("create_mail_template", **mail_fields()),
    "delete_mail_template": lambda: call("delete_mail_template", make_mail_template()),
    "update_mail_template": lambda: call(
        "update_mail_template", make_mail_template(), changes={"name": "New"}
    ),
    "send_test_mail": lambda: call(
        "send_test_mail", make_mail_template(), {}, to="staff@example.org", language="en"
    ),
    "create_pool": lambda: call("create_pool", key="summer", name="Summer"),
    "update_pool": lambda: call("update_pool", make_pool(), changes={"name": "New"}),
    "add_codes": lambda: call("add_codes", make_pool(), ["SUN-1"]),
    "generate_codes": lambda: call("generate_codes", make_pool(), count=2),
    "archive_automation": lambda: call("archive_automation", make_automation()),
    "install_template": lambda: call(
        "install_template", "welcome", purpose=automation_fields()["purpose"]
    ),
    "create_webhook": lambda: call("create_webhook", **WEBHOOK),
    "update_webhook": lambda: call("update_webhook", make_webhook(), changes={"name": "New"}),
    "delete_webhook": lambda: call("delete_webhook", make_webhook()),
    "pause_webhook": lambda: call("pause_webhook", make_webhook()),
    "resume_webhook": lambda: call("resume_webhook", paused_webhook()),
    "rotate_secret": lambda: call("rotate_secret", make_webhook()),
    "replay": lambda: call("replay", make_webhook(), since=NOW),
    "create_destination": lambda: call("create_destination", new_destination()),
    "update_destination": lambda: call(
        "update_destination", make_destination(), changes={"name": "New"}
    ),
    "create_list": lambda: call("create_list", key="guests", name="Guests"),
    "delete_list": lambda: call("delete_list", make_list()),
    "fill_list": lambda: call("fill_list", list_before_ada(), EVERYONE),
    "remove_people": lambda: call("remove_people", list_with_ada(), ["user_id:1"]),
    "update_list": lambda: call("update_list", make_list(), changes={"name": "New"}),
    "end_family": lambda: call("end_family", make_family()),
    "update_family": lambda: call("update_family", make_family(), changes={"hour": 9}),
    "update_segment": lambda: call("update_segment", make_segment(), changes={"name": "New"}),
}
