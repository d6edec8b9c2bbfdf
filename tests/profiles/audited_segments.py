"""Rows of segments, lists, automations and receivers, for calls that leave an audit entry."""

from typing import Any

import segments.services
from segments.models import Override
from segments.services import create_segment
from tests.factories import TESTER, make_profile, make_purpose

EVERYONE = {"type": "everyone"}


FAMILY = {"kind": "life_cycle", "key": "cycle", "name": "Cycle", "event": "Order Completed"}


DECISION = segments.services.Decision(Override.Kind.EXCLUDE, "Asked for it.")


WEBHOOK = {
    "name": "Shop",
    "url": "https://shop.example/hooks",
    "events": ["consent.changed"],
}


def segment_without_ada() -> Any:
    make_profile("user_id:1")
    segment = make_segment()
    segments.services.set_overrides(segment, ["user_id:1"], DECISION, actor=TESTER)
    return segment


def segment_before_ada() -> Any:
    make_profile("user_id:1")
    return make_segment()


def make_group() -> Any:
    return segments.services.create_group(key="offers", name="Offers", segments=[], actor=TESTER)


def paused_segment() -> Any:
    return segments.services.pause_segment(make_segment(), actor=TESTER)


def automation_fields() -> Any:
    definition = {"trigger": {"type": "event", "name": "Signed Up"}, "steps": []}
    purpose = make_purpose("automations")
    return {"key": "hello", "name": "Hello", "purpose": purpose, "definition": definition}


def make_automation() -> Any:
    return segments.services.create_automation(**automation_fields(), actor=TESTER)


def live_automation() -> Any:
    return segments.services.publish_automation(make_automation(), actor=TESTER)


def mail_fields() -> Any:
    words = {"subject": "Hello", "body": "<mj-text>Well?</mj-text>"}
    return {"key": "hello", "name": "Hello", "texts": {"en": words, "fr": words}}


def make_mail_template() -> Any:
    return segments.services.create_mail_template(**mail_fields(), actor=TESTER)


def make_pool() -> Any:
    return segments.services.create_pool(key="summer", name="Summer", actor=TESTER)


def make_webhook() -> Any:
    return segments.services.create_webhook(**WEBHOOK, actor=TESTER)[0]


def paused_webhook() -> Any:
    return segments.services.pause_webhook(make_webhook(), actor=TESTER)


def new_destination() -> Any:
    return segments.services.NewDestination(
        name="Loyalty",
        tool="http",
        segments=[],
        purpose=make_purpose("loyalty"),
        settings={"address": "https://loyalty.example/people"},
    )


def make_destination() -> Any:
    return segments.services.create_destination(new_destination(), actor=TESTER)


def make_list() -> Any:
    return segments.services.create_list(key="guests", name="Guests", actor=TESTER)


def list_with_ada() -> Any:
    make_profile("user_id:1")
    row = make_list()
    segments.services.add_people(row, ["user_id:1"], actor=TESTER)
    return row


def list_before_ada() -> Any:
    make_profile("user_id:1")
    return make_list()


COMPUTED = {"key": "orders", "definition": {"name": "Order Completed"}}


def make_computed_trait() -> Any:
    return segments.services.create_computed_trait(**COMPUTED, actor=TESTER)


def make_family() -> Any:
    return segments.services.create_family(**FAMILY, actor=TESTER)


def make_segment(status: str = "draft") -> Any:
    return create_segment(
        key="known", name="Known", definition=EVERYONE, status=status, actor=TESTER
    )


def make_archived_segment() -> Any:
    return segments.services.archive_segment(make_segment(), actor=TESTER)
