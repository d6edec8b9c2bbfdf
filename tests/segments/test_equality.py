"""Incremental refreshes, full ones and the oracle agree on random histories of changes and time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from profiles.lib import exact_json
from profiles.lib.change_queue import mark_changed
from profiles.models import Profile, TraitDefinition
from segments.models import (
    ExclusiveGroup,
    Membership,
    MembershipChange,
    Override,
    Segment,
    SegmentFamily,
    StaticList,
)
from segments.services import (
    Decision,
    add_people,
    create_group,
    create_segment,
    rebuild,
    recompute,
    recompute_family,
    refresh_changed,
    refresh_due,
    release_overrides,
    remove_people,
    set_overrides,
    update_group,
    update_segment,
    verify_memberships,
)
from tests.factories import TESTER
from tests.oracles.segment_dates import later_by
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson, NaiveWorld
from tests.oracles.segments import boundary_of, members_of_segment, rfm_boundaries
from tests.segments import drawn_people, strategies
from tests.segments.worlds import (
    MODELS,
    PARIS,
    TRAIT_PARTIES,
    add_events,
    give_consent,
    make_purpose,
    source_of,
    store_people,
    world_at,
)
from tests.tries import tries

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-02-27T09:00:00+00:00")
# Histories end within the months for which there are partitions.
END = datetime.fromisoformat("2026-11-01T00:00:00+00:00")
LEAPS = [
    *drawn_people.DURATIONS[:8],
    {"minutes": 7},
    {"days": 3},
    {"days": 31},
]

# Instants that some window, birthday or expiry reaches soon after START.
soon = st.builds(
    lambda moment, seconds: moment + timedelta(seconds=seconds),
    st.sampled_from(LEAPS).map(
        lambda leap: later_by(START, {unit: -number for unit, number in leap.items()}, PARIS)
    ),
    st.sampled_from([-1, 0, 1, 60, 420, 3600, 86_400, 3 * 86_400]),
)
later = st.sampled_from(LEAPS).map(lambda leap: later_by(START, leap, PARIS))
births = st.builds(
    lambda years, days: str((START + timedelta(days=days)).date().replace(year=START.year - years)),
    st.sampled_from([18, 19, 40, 41]),
    st.sampled_from([0, 1, 3, 7]),
)
dated = st.one_of(births, soon.map(datetime.isoformat), soon.map(lambda moment: str(moment.date())))
events = st.builds(
    lambda moment, born: NaiveEvent(
        "Order Completed", moment, properties={"born": born, "revenue": 2}
    ),
    st.one_of(soon, soon, later),
    dated,
)
people = st.builds(
    NaivePerson,
    traits=st.fixed_dictionaries({}, optional={"born": dated}),
    events=st.lists(events, max_size=3),
    consents=st.fixed_dictionaries({}, optional={"newsletter": later}),
)
timed_tests = st.one_of(
    st.builds(
        lambda operator, leap: {"operator": operator, "value": leap},
        st.sampled_from(["in_last", "in_next", "more_than_ago", "anniversary_in_next"]),
        st.sampled_from(LEAPS),
    ),
    st.builds(
        lambda operator, unit: {"operator": operator, "value": unit},
        st.sampled_from(["this", "previous"]),
        st.sampled_from(drawn_people.UNITS),
    ),
    st.sampled_from([18, 19, 40]).map(lambda age: {"operator": "age_gte", "value": age}),
    st.sampled_from([[18, 18], [18, 39], [40, 150], [0, 18]]).map(
        lambda ages: {"operator": "age_between", "value": ages}
    ),
)
orders = {"type": "event", "name": "Order Completed"}
timed = st.one_of(
    strategies.list_leaves,
    strategies.measured_leaves,
    strategies.session_leaves(),
    strategies.source_leaves,
    strategies.stated_leaves,
    strategies.regular_leaves(),
    strategies.sequence_leaves(),
    st.sampled_from(LEAPS).map(
        lambda leap: {
            "type": "sequence",
            "steps": [
                {"name": "Order Completed"},
                {"name": "Viewed", "within": leap, "absent": True},
            ],
        }
    ),
    strategies.windows.map(
        lambda window: {**orders, "operator": "gte", "value": 1, "window": window}
    ),
    timed_tests.map(lambda test: {**orders, "aggregate": "last", "property": "born", **test}),
    st.sampled_from(LEAPS).map(
        lambda leap: {**orders, "operator": "gte", "value": 1, "window": {"last": leap}}
    ),
    st.sampled_from(LEAPS).map(
        lambda leap: {**orders, "aggregate": "last_at", "operator": "in_last", "value": leap}
    ),
    timed_tests.map(
        lambda test: {
            **orders,
            "operator": "gte",
            "value": 1,
            "where": {"type": "property", "key": "born", **test},
        }
    ),
    timed_tests.map(lambda test: {"type": "trait", "key": "born", **test}),
    st.just({"type": "consent", "purpose": "newsletter", "permitted": True}),
    st.integers(1, 3).map(lambda count: {**orders, "operator": "gte", "value": count}),
)
definitions = st.one_of(timed, timed, timed, strategies.plain_trees)

# One step of a history: what happens, to which person, with which operand.
leaps = st.tuples(st.just("leap"), st.integers(-1, 1), st.sampled_from(LEAPS))
steps = st.one_of(
    leaps,
    leaps,
    leaps,
    st.tuples(st.just("event"), st.integers(0, 3), events | drawn_people.events()),
    st.tuples(st.just("traits"), st.integers(0, 3), drawn_people.documents()),
    st.tuples(st.just("restrict"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("consent"), st.integers(0, 3), st.sampled_from(LEAPS) | st.none()),
    st.tuples(st.just("define"), st.integers(0, 3), definitions),
    st.tuples(st.just("listed"), st.integers(0, 3), st.sampled_from(["guests", "press"])),
    st.tuples(
        st.just("override"),
        st.integers(0, 3),
        st.tuples(
            st.sampled_from(["s0", "s1", "s2"]),
            st.sampled_from([True, True, False, None]),
            st.sampled_from(LEAPS) | st.none(),
        ),
    ),
    st.tuples(st.just("group"), st.just(0), st.permutations(["s1", "s2", "s3"])),
    st.tuples(st.just("recompute"), st.integers(0, 3), st.sampled_from(sorted(MODELS))),
)


class History:
    """The same history in memory and in the database."""

    def __init__(self, people: list[NaivePerson], definitions: list[dict[str, Any]]) -> None:
        self.now = START
        self.people = store_people(people)
        for person in people:
            person.entered, person.overrides = {}, {}
        self.groups: list[list[str]] = []
        self.definitions: dict[str, dict[str, Any]] = {}
        self.models = {key: dict(row) for key, row in MODELS.items()}
        for key in self.models:
            make_family(key)
            self.recompute_model(key)
        for number, definition in enumerate(definitions):
            self.define(f"s{number}", definition)
        dependant = {"type": "not", "child": {"type": "segment", "key": "s0"}}
        self.define("dependant", dependant)
        recent = {"type": "segment", "key": "s0", "entered_within": {"days": 3}}
        self.define("recent", recent)

    def define(self, key: str, definition: dict[str, Any]) -> None:
        self.definitions[key] = frozen(definition, self.world())
        segment = Segment.objects.filter(key=key).first()
        if segment is None:
            create_segment(key=key, name=key, definition=definition, actor=TESTER, status="live")
        else:
            update_segment(segment, actor=TESTER, changes={"definition": definition})
        rebuild([key], now=self.now)

    def apply(self, kind: str, which: int, operand: Any) -> None:
        if kind == "define":
            return self.define(f"s{which}", operand)
        if kind == "group":
            return self.group(operand)
        if kind == "recompute":
            self.recompute_model(operand)
            return self.recompute_segment(f"s{which}")
        if kind == "leap":
            moment = later_by(self.now, operand, PARIS) + timedelta(microseconds=which)
            self.now = min(moment, END)
            return None
        profile_id = sorted(self.people)[which]
        getattr(self, kind)(profile_id, self.people[profile_id], operand)
        mark_changed([profile_id])
        return None

    def world(self) -> NaiveWorld:
        world = world_at(self.now, self.definitions, list(self.people.values()))
        world.models = self.models
        world.groups = self.groups
        return world

    def recompute_model(self, key: str) -> None:
        """Boundaries are those of this time from now on."""
        recompute_family(SegmentFamily.objects.get(key=key), now=self.now)
        self.models[key].pop("boundaries", None)
        self.models[key]["boundaries"] = rfm_boundaries(self.models[key], self.world())

    def recompute_segment(self, key: str) -> None:
        segment = Segment.objects.get(key=key)
        recompute(segment, now=self.now)
        self.definitions[key] = frozen(segment.definition, self.world())

    def event(self, profile_id: int, person: NaivePerson, event: Any) -> None:
        person.events.append(event)
        add_events(profile_id, [event])

    def traits(self, profile_id: int, person: NaivePerson, traits: dict[str, Any]) -> None:
        person.traits = traits
        with connection.cursor() as cursor:
            statement = "UPDATE profiles_profile SET traits = %s::jsonb WHERE id = %s"
            cursor.execute(statement, [exact_json.dumps(traits), profile_id])

    def restrict(self, profile_id: int, person: NaivePerson, is_restricted: bool) -> None:
        person.is_restricted = is_restricted
        Profile.objects.filter(pk=profile_id).update(is_restricted=is_restricted)

    def consent(self, profile_id: int, person: NaivePerson, lasting: dict[str, int] | None) -> None:
        until = None if lasting is None else later_by(self.now, lasting, PARIS)
        person.consents["newsletter"] = until
        give_consent(profile_id, "newsletter", until)

    def listed(self, profile_id: int, person: NaivePerson, key: str) -> None:
        """Put the person on a list, or take them off it."""
        row, _ = StaticList.objects.get_or_create(key=key, defaults={"name": key})
        reference = f"profile:{Profile.objects.get(pk=profile_id).uuid}"
        change = remove_people if key in person.lists else add_people
        assert change(row, [reference], actor=TESTER).people == 1
        person.lists ^= {key}

    def override(
        self,
        profile_id: int,
        person: NaivePerson,
        operand: tuple[str, bool | None, dict[str, int] | None],
    ) -> None:
        """Keep the person in a segment or out of it, or end that."""
        key, is_in, lasting = operand
        segment = Segment.objects.get(key=key)
        reference = f"profile:{Profile.objects.get(pk=profile_id).uuid}"
        if is_in is None:
            release_overrides(segment, [reference], actor=TESTER, now=self.now)
            person.overrides.pop(key, None)
            return
        end = None if lasting is None else later_by(self.now, lasting, PARIS)
        kind = Override.Kind.INCLUDE if is_in else Override.Kind.EXCLUDE
        decision = Decision(kind, "drawn", ends_at=end)
        set_overrides(segment, [reference], decision, actor=TESTER, now=self.now)
        person.overrides[key] = (is_in, self.now, end)

    def group(self, keys: list[str]) -> None:
        """Make segments exclusive, or change their order."""
        group = ExclusiveGroup.objects.first()
        if group is None:
            create_group(key="drawn", name="Drawn", segments=keys, actor=TESTER)
        else:
            update_group(group, actor=TESTER, changes={"segments": keys})
        self.groups = [keys]
        rebuild(keys, now=self.now)

    def check(self) -> None:
        """The stored members are those of the oracle and of a full evaluation."""
        refresh_changed(now=self.now)
        refresh_due(now=self.now)
        self.compare()
        assert set(verify_memberships(now=self.now).values()) <= {0}
        self.check_history()

    def compare(self) -> None:
        world = self.world()
        expected = {key: members_of_segment(self.people, key, world) for key in self.definitions}
        for key, definition in self.definitions.items():
            stored = Membership.objects.filter(segment__key=key).values_list(
                "profile_id", flat=True
            )
            assert set(stored) == expected[key], definition
            # Since when they are members is an input of the next evaluation.
            for profile_id, person in self.people.items():
                if profile_id in expected[key]:
                    person.entered.setdefault(key, self.now)
                else:
                    person.entered.pop(key, None)

    def check_history(self) -> None:
        """Entries less exits are the members, and the stored sizes are their number."""
        for segment in Segment.objects.all():
            changes = MembershipChange.objects.filter(segment=segment)
            entered = changes.filter(has_entered=True).count()
            count = Membership.objects.filter(segment=segment).count()
            assert entered - changes.filter(has_entered=False).count() == count
            assert segment.size == count


def make_family(key: str) -> None:
    row = MODELS[key]
    family = SegmentFamily(kind="rfm", key=key, name=key, event=row["event"], value=row["value"])
    family.window = row.get("window")
    family.save()


def frozen(definition: Any, world: NaiveWorld) -> Any:
    """The definition with the boundary of now in each of its ranks."""
    match definition:
        case {"type": "rank"}:
            return definition | {"boundary": boundary_of(definition, world)}
        case {"child": child}:
            return definition | {"child": frozen(child, world)}
        case {"children": children}:
            return definition | {"children": [frozen(child, world) for child in children]}
        case _:
            return definition


def test_incremental_and_full_refreshes_say_what_the_oracle_says() -> None:
    make_purpose()
    for key in ("shop", "till", "crm", "bought", "nowhere"):
        source_of(key)
    for key, party in TRAIT_PARTIES.items():
        TraitDefinition.objects.create(key=key, type="text", party=party)
    for key in ("guests", "press", "nobody"):
        StaticList.objects.create(key=key, name=key)

    @settings(
        max_examples=tries(40),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(
        st.lists(people | people | drawn_people.people, min_size=4, max_size=4),
        st.lists(definitions, min_size=4, max_size=4),
        st.lists(steps, min_size=4, max_size=9),
    )
    def check(people: list[NaivePerson], definitions: list[Any], steps: list[Any]) -> None:
        with transaction.atomic():
            history = History(people, definitions)
            history.check()
            for step in steps:
                history.apply(*step)
                history.check()
            transaction.set_rollback(True)

    check()
