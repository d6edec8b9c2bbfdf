"""What a plan says, parsed once into frozen nodes.

Invariant: a plan that parses can be judged by; what is wrong with another one is returned whole,
each fault with its path.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jsonschema_rs import Draft202012Validator

from ingestion.messages import GROUP
from ingestion.plans.schemas import Fault, SchemaFault, compile_schema, names_in
from profiles.lib import exact_json

MAX_BYTES = 256 * 1024
MAX_EVENTS = 500
MAX_NAME = 255
CALLS = ("identify", GROUP, "page", "screen")


class Policy(StrEnum):
    """What becomes of a message that breaks the plan."""

    ALLOW = "allow"
    FLAG = "flag"
    REFUSE = "refuse"


class PlanFaults(ValueError):
    """A plan is refused, with all that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.detail}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Rule:
    """What one event or call must be like, and what becomes of it otherwise."""

    policy: Policy
    schema: Mapping[str, Any]
    validator: Draft202012Validator
    names: frozenset[str]  # of properties, wherever in the schema


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules by name of event and by type of call; `unplanned` is for other names of events."""

    unplanned: Policy
    events: Mapping[str, Rule]
    calls: Mapping[str, Rule]


def parse_plan(content: Any) -> Plan:
    """Return the plan that a JSON object says. Raises PlanFaults."""
    parser = _PlanParser()
    plan = parser.plan(content)
    if parser.faults:
        raise PlanFaults(parser.faults)
    return plan


class _PlanParser:
    """Parses one plan, and collects what is wrong with it."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def plan(self, content: Any) -> Plan:
        fields = self._object(content, "", ("policy", "unplanned", "events", "calls"))
        if not self._is_storable(content):
            return Plan(Policy.ALLOW, {}, {})
        policy = self._policy(fields.get("policy", Policy.FLAG), "policy")
        unplanned = self._policy(fields.get("unplanned", Policy.ALLOW), "unplanned")
        calls = self._object(fields.get("calls", {}), "calls", CALLS)
        events = self._object(fields.get("events", {}), "events")
        if len(events) > MAX_EVENTS:
            self._note("events", "too_many", f"At most {MAX_EVENTS} events.")
            events = {}
        return Plan(
            unplanned,
            dict(self._rules(events, "events", policy)),
            dict(self._rules(calls, "calls", policy)),
        )

    def _is_storable(self, content: Any) -> bool:
        """Whether the store can keep the content. A form lets more in than JSON has."""
        try:
            text = exact_json.dump_bytes(content)
            exact_json.read(text, repairs=False)
        except ValueError:
            self._note("", "unreadable", "JSON without NUL and lone surrogates.")
            return False
        if len(text) > MAX_BYTES:
            self._note("", "too_large", f"At most {MAX_BYTES} bytes of JSON.")
            return False
        return True

    def _rules(
        self, rules: Mapping[str, Any], path: str, policy: Policy
    ) -> Iterator[tuple[str, Rule]]:
        for name, value in rules.items():
            place = f"{path}.{name}"
            if not 0 < len(name) <= MAX_NAME:
                self._note(path, "wrong_name", f"A name of 1 to {MAX_NAME} characters.")
                continue
            fields = self._object(value, place, ("policy", "schema"))
            own = self._policy(fields.get("policy", policy), f"{place}.policy")
            schema = fields.get("schema", {})
            try:
                validator = compile_schema(schema, f"{place}.schema")
                yield name, Rule(own, schema, validator, frozenset(names_in(schema)))
            except SchemaFault as error:
                self.faults.append(error.fault)

    def _object(
        self, value: Any, path: str, names: Collection[str] | None = None
    ) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._note(path, "not_an_object", "An object of names and values.")
            return {}
        for name in value.keys() - (value.keys() if names is None else set(names)):
            place = f"{path}.{name}".lstrip(".")
            self._note(place, "unknown_field", f"One of {', '.join(names or ())}.")
        return {name: each for name, each in value.items() if names is None or name in names}

    def _policy(self, value: Any, path: str) -> Policy:
        if value not in list(Policy):
            self._note(path, "unknown_policy", f"One of {', '.join(Policy)}.")
            return Policy.ALLOW
        return Policy(value)

    def _note(self, path: str, code: str, detail: str) -> None:
        self.faults.append(Fault(path, code, detail))
