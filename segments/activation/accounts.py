"""Destinations: making, changing and trying them. Pausing, resuming, replaying and ending one are
those of every receiver.

Invariant: a destination has a purpose, and its credentials are nowhere but sealed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consent.models import Purpose
from profiles.lib.database import database_now
from profiles.lib.outgoing import is_callable_url
from profiles.services import Actor, audited, differences
from segments.activation.destinations.exchange import CallFailed
from segments.activation.destinations.mapping import WrongMapping, check_mapping
from segments.activation.destinations.people import sample_person
from segments.activation.destinations.tools import Setting, Tool, load_tool, tool_keys
from segments.activation.handing import handed_people
from segments.activation.outcomes import Outcome
from segments.activation.references import open_credentials, seal_credentials
from segments.activation.sending import exchange_of
from segments.activation.states import prepared, target_of, wishes_of
from segments.activation.truth import refusals_of
from segments.activation.webhooks import compare_all, heard_segments, set_segments
from segments.definitions.save import SegmentError
from segments.models import Destination, Membership, Segment, WebhookEvent

TYPE = "destination"
EVENTS = sorted((str(WebhookEvent.SEGMENT_ENTERED), str(WebhookEvent.SEGMENT_EXITED)))
MAX_SETTING = 8000
# How many members a dry run looks at.
DRY_RUN = 1000


@dataclass(frozen=True, slots=True)
class NewDestination:
    """What a destination is made of. Credentials are among the settings; they are taken out."""

    name: str
    tool: str
    segments: Sequence[Segment]
    purpose: Purpose
    settings: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, Any] | None = None
    only_vouched: bool = False
    priority: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would be sent of the first members: to how many, and of whom what not."""

    members: int
    sent: int
    left_out: Mapping[str, int]
    sample: Sequence[Mapping[str, Any]]


def create_destination(new: NewDestination, *, actor: Actor) -> Destination:
    """Make a destination. Who is in its segments already is sent. Raises SegmentError."""
    with audited(actor, "destination.created") as deed:
        tool = _tool(new.tool)
        mapping = tool.mapping if new.mapping is None else new.mapping
        _checked_mapping(tool, mapping)
        destination = Destination(
            name=new.name,
            tool=tool.key,
            purpose=new.purpose,
            events=EVENTS,
            sealed_secret=b"",
            mapping=dict(mapping),
            only_vouched=new.only_vouched,
            priority=list(new.priority),
        )
        _set_account(destination, tool, new.settings, {})
        _save(destination, tool)
        set_segments(destination, new.segments)
        _check_priority(destination)
        deed.about(TYPE, destination.pk, **differences({}, _audited_state(destination)))
    return destination


def update_destination(
    destination: Destination, *, actor: Actor, changes: Mapping[str, Any]
) -> Destination:
    """Change a destination; a setting that is not named stays as it is. Raises SegmentError."""
    with audited(actor, "destination.changed") as deed:
        destination = Destination.objects.select_for_update().get(pk=destination.pk)
        tool, before = _tool(destination.tool), _audited_state(destination)
        for name in ("name", "purpose", "mapping", "only_vouched", "priority"):
            setattr(destination, name, changes.get(name, getattr(destination, name)))
        if settings := changes.get("settings"):
            credentials = open_credentials(destination.sealed_credentials)
            _set_account(destination, tool, {**destination.settings, **settings}, credentials)
            # Another account may be well, and lends another token.
            destination.failures, destination.failing_since = 0, None
            destination.retry_at, destination.sealed_token = None, None
        _save(destination, tool)
        set_segments(destination, changes.get("segments", heard_segments(destination)))
        _check_priority(destination)
        after = _audited_state(destination)
        if {**before, "name": ""} != {**after, "name": ""}:
            compare_all(destination)
        changed = differences(before, after)
        if changes.get("settings"):
            changed["settings_set"] = [None, sorted(changes["settings"])]
        deed.about(TYPE, destination.pk, **changed)
        return destination


def check_account(destination: Destination) -> Outcome:
    """Try the account of a destination without any person; return what came of it."""
    target = target_of(destination)
    try:
        return target.tool.check(exchange_of(target)).outcome
    except CallFailed as error:
        return error.outcome


def sample_of(tool_key: str, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a mapping makes of somebody who does not exist. Raises SegmentError."""
    tool = _tool(tool_key)
    _checked_mapping(tool, mapping)
    return prepared(tool, mapping, sample_person())


def dry_run(destination: Destination, *, most: int = DRY_RUN, samples: int = 5) -> DryRun:
    """Return what would be sent now of the first who are to be there; nothing is."""
    target, now = target_of(destination), database_now()
    segment_ids = [segment.pk for segment in heard_segments(destination)]
    members = Membership.objects.filter(segment_id__in=segment_ids).order_by("profile_id")
    handed = next(handed_people(destination), [])[:most]
    ids = sorted({*members.values_list("profile_id", flat=True)[:most], *handed})[:most]
    wishes = wishes_of(target, ids, now)
    refusals = refusals_of(target, [pk for pk in ids if pk not in wishes], now)
    left_out = Counter(refusal.reason for refusal in refusals.values())
    sample = [wishes[pk].fields for pk in sorted(wishes)[:samples]]
    return DryRun(len(ids), len(wishes), dict(left_out), sample)


def _tool(key: str) -> Tool:
    if key not in tool_keys():
        raise SegmentError("tool", f"One of {', '.join(tool_keys())}.")
    return load_tool(key)


def _checked_mapping(tool: Tool, mapping: Any) -> None:
    try:
        check_mapping(mapping, fields=tool.fields, identifies=tool.identifies)
    except WrongMapping as error:
        raise SegmentError(error.path, error.detail) from None


def _set_account(
    destination: Destination,
    tool: Tool,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
) -> None:
    """Give a destination the settings of its tool, of which the secret ones are sealed."""
    known = {each.name: each for each in tool.settings}
    if unknown := sorted(set(settings) - set(known)):
        allowed = ", ".join(known)
        raise SegmentError(f"settings.{unknown[0]}", f"No such setting, but: {allowed}.")
    own = {
        name: _value(each, settings.get(name, credentials.get(name, "")))
        for name, each in known.items()
    }
    destination.settings = {name: own[name] for name in own if not known[name].is_secret}
    secrets = {name: own[name] for name in own if known[name].is_secret}
    destination.sealed_credentials = seal_credentials(secrets)


def _value(setting: Setting, value: str) -> str:
    path = f"settings.{setting.name}"
    text = (value or setting.default).strip()
    if len(text) > MAX_SETTING or (not text.isprintable() and not setting.is_long):
        raise SegmentError(path, "It is too long, or has signs that cannot be printed.")
    if setting.is_required and not text:
        raise SegmentError(path, "It is needed.")
    if setting.choices and text not in setting.choices:
        raise SegmentError(path, f"One of {', '.join(setting.choices)}.")
    if text and setting.name in ADDRESSES and not is_callable_url(text.replace("{id}", "id")):
        raise SegmentError(path, "An address begins with https:// and names a host.")
    if text and (fault := setting.fault_of(text)):
        raise SegmentError(path, fault)
    return text


ADDRESSES = ("address", "exit_address", "token_address", "url")


def _save(destination: Destination, tool: Tool) -> None:
    _checked_mapping(tool, destination.mapping)
    destination.url = destination.settings.get("address", "")
    destination.save()


def _check_priority(destination: Destination) -> None:
    """Raise SegmentError where the priority names a segment twice, or one that is not sent for."""
    keys = {segment.key for segment in heard_segments(destination)}
    for place, key in enumerate(destination.priority):
        if key not in keys:
            raise SegmentError(f"priority[{place}]", "It is none of the segments here.")
        if key in destination.priority[:place]:
            raise SegmentError(f"priority[{place}]", "It stands there twice.")


def _audited_state(destination: Destination) -> dict[str, Any]:
    return {
        "name": destination.name,
        "tool": destination.tool,
        "purpose": destination.purpose.key if destination.purpose else None,
        "segments": [segment.key for segment in heard_segments(destination)],
        "settings": destination.settings,
        "mapping": destination.mapping,
        "only_vouched": destination.only_vouched,
        "priority": destination.priority,
    }
