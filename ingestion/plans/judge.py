"""Whether a message keeps to a plan.

Invariant: the door and the drain judge by this function alone. What a breach says names the place
and the rule, and quotes nothing of the message.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from jsonschema_rs import ValidationError, ValidationErrorKind

from ingestion.messages import CONSENT_EVENT, GROUP, Message, Rejection
from ingestion.plans.content import Plan, Policy, Rule
from profiles.lib import exact_json

UNPLANNED, BROKEN = "unplanned_event", "plan"
MAX_PATH = 255  # the length of the column rejected_message.path
MAX_EXPECTED = 200


class Breach(NamedTuple):
    """What a message breaks; `event` is its name in the plan, empty where it has none.

    `path` has the message's own keys. `place` has only names of the plan, and others as `*`, so
    that what it can be is bounded by the plan.
    """

    policy: Policy
    event: str
    code: str
    path: str
    place: str
    detail: str


def breach_of(plan: Plan | None, message: Message) -> Breach | None:
    """Return what a message breaks of a plan that does not allow it."""
    if plan is None or only_states_consents(message):
        return None
    if message.type != "track":
        rule = plan.calls.get(message.type)
        return _broken(rule, message.type, message) if rule else None
    if rule := plan.events.get(message.name):
        return _broken(rule, message.name, message)
    if plan.unplanned == Policy.ALLOW:
        return None
    expected = "an event of the tracking plan"
    return Breach(plan.unplanned, "", UNPLANNED, "event", "event", expected)


def rejection_by(plan: Plan | None, message: Message) -> Rejection | None:
    """Return the rejection of a message that the plan refuses."""
    breach = breach_of(plan, message)
    if breach is None or breach.policy != Policy.REFUSE:
        return None
    return Rejection(
        message.place,
        message.message_id,
        message.type,
        breach.code,
        breach.path,
        breach.detail,
        message.raw,
    )


def only_states_consents(message: Message) -> bool:
    """Whether a message is nobody's idea of an event: a choice must not depend on a plan."""
    if message.type == "identify":
        return bool(message.consents) and not message.traits
    return message.type == "track" and message.name == CONSENT_EVENT


def _broken(rule: Rule, event: str, message: Message) -> Breach | None:
    if rule.policy == Policy.ALLOW:
        return None
    content, root = judged_part(message)
    if rule.validator.is_valid(content):
        return None
    error = next(rule.validator.iter_errors(content))
    steps = _steps(error)
    path = _path(root, (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps))
    place = _path(root, (_planned(rule, step) for step in steps))
    return Breach(rule.policy, event, BROKEN, path, place, _expected(rule, error))


def judged_part(message: Message) -> tuple[Any, str]:
    """Return what a schema is about, and the field that it stands in."""
    if message.type == "identify":
        return dict(message.traits), "traits"
    properties = exact_json.loads(message.properties)
    if message.type == GROUP:
        return properties.get("traits") or {}, "traits"
    return properties, "properties"


def _steps(error: ValidationError) -> list[str | int]:
    """Return the way from the judged part to the fault, with the name of what is missing."""
    missing = [error.kind.property] if isinstance(error.kind, ValidationErrorKind.Required) else []
    return [*error.instance_path, *missing]


def _planned(rule: Rule, step: str | int) -> str:
    if isinstance(step, int):
        return "[*]"
    return f".{step}" if step in rule.names else ".*"


def _path(root: str, parts: Iterable[str]) -> str:
    return f"{root}{''.join(parts)}"[:MAX_PATH]


def _expected(rule: Rule, error: ValidationError) -> str:
    """Return the keyword that is broken with its value, which is of the plan."""
    node: Any = rule.schema
    for step in error.schema_path:
        node = node[step]
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    return f"{keyword}: {exact_json.dumps(node)}"[:MAX_EXPECTED]
