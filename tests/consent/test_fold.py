"""The consent fold: its rules as sentences and properties, and against the naive fold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.ledger.fold import LedgerEvent, MergeSides, StateRow, fold
from consent.ledger.gate import GateTerms, is_permitted
from tests.oracles.consent import naive_fold
from tests.tries import tries

START = datetime(2026, 1, 1, tzinfo=UTC)
NEWS, ADS = 1, 2
PURPOSES = {NEWS: True, ADS: False}
GRANTS = ("given", "renewed")
REFUSALS = ("refused", "withdrawn", "invalidated")
BASES = (
    "consent",
    "contract",
    "legal_obligation",
    "vital_interest",
    "public_task",
    "legitimate_interest",
)
TERMS = GateTerms("consent", is_direct_marketing=True, minimum_version=1)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def consent(state: str, on: float, **overrides: Any) -> LedgerEvent:
    fields: dict[str, Any] = {
        "identifier_id": 1,
        "kind": "consent",
        "purpose_id": NEWS,
        "version": 1,
        "state": state,
        "occurred_at": day(on),
        "received_at": day(on),
        "valid_until": None,
        "actor": "subject",
        "trust": 2,
    }
    return LedgerEvent(**fields | overrides)


def objection(on: float, **overrides: Any) -> LedgerEvent:
    fields = {"state": "given", "kind": "objection", "purpose_id": None} | overrides
    return consent(fields.pop("state"), on, **fields)


def merge(on: float, survivor: set[int], absorbed: set[int], order: int = 0) -> MergeSides:
    return MergeSides(day(on), order, frozenset(survivor), frozenset(absorbed))


def state_of(*events: LedgerEvent, merges: Any = (), is_vouched: bool = True) -> StateRow:
    return fold(events, merges, is_vouched=is_vouched, purposes=PURPOSES).get(NEWS, StateRow())


def permits(row: StateRow, at: float = 365) -> bool:
    return is_permitted(TERMS, row, is_restricted=False, at=day(at))


days = st.integers(0, 9)
events_at = st.builds(
    consent,
    st.sampled_from((*GRANTS, *REFUSALS, "requested", "unknown")),
    days,
    identifier_id=st.integers(1, 5),
    purpose_id=st.sampled_from((NEWS, ADS)),
    version=st.integers(1, 3),
    received_at=days.map(day),
    valid_until=st.none() | st.integers(5, 400).map(day),
    actor=st.sampled_from(("subject", "staff", "service")),
    trust=st.sampled_from((1, 2, 3)),
    validity=st.sampled_from(("", "P3D", "P90D")),
    reached=st.none() | st.frozensets(st.integers(1, 5), min_size=1, max_size=3),
)
objections_at = st.builds(
    consent,
    st.sampled_from(("given", "withdrawn")),
    days,
    kind=st.just("objection"),
    identifier_id=st.integers(1, 5),
    purpose_id=st.sampled_from((NEWS, ADS, None)),
    received_at=days.map(day),
    trust=st.sampled_from((1, 2)),
)
histories = st.lists(events_at | objections_at, max_size=12)


@st.composite
def merge_histories(draw: st.DrawFn) -> list[MergeSides]:
    """Profiles of one to five identifiers joining one after the other, so that merges nest."""
    groups = [{number} for number in range(1, draw(st.integers(1, 5)) + 1)]
    merges = []
    when = 0
    while len(groups) > 1 and draw(st.booleans()):
        survivor, absorbed = draw(st.permutations(range(len(groups))))[:2]
        when += draw(st.integers(0, 4))
        merges.append(merge(when, groups[survivor], groups[absorbed], order=len(merges)))
        groups[survivor] = groups[survivor] | groups[absorbed]
        del groups[absorbed]
    return merges


# Rules


def test_only_given_and_renewed_permit() -> None:
    for state in GRANTS:
        assert permits(state_of(consent(state, 1)))
    for state in (*REFUSALS, "requested", "unknown"):
        assert not permits(state_of(consent(state, 1)))
    assert not permits(state_of())


def test_asking_again_does_not_undo_a_consent() -> None:
    assert (
        state_of(consent("given", 1), consent("requested", 2), consent("unknown", 3)).state
        == "given"
    )
    assert state_of(consent("withdrawn", 1), consent("requested", 2)).state == "withdrawn"
    assert state_of(consent("unknown", 2), consent("requested", 1)).state == "unknown"


def test_a_consent_dated_far_ahead_beats_nothing() -> None:
    ahead = consent("given", 400_000, received_at=day(1))
    assert state_of(ahead, consent("withdrawn", 2)).state == "withdrawn"
    assert state_of(ahead).decided_at == day(1)


def test_an_older_consent_that_comes_late_does_not_reopen_a_withdrawal() -> None:
    late = consent("given", 1, received_at=day(9))
    assert state_of(consent("withdrawn", 2), late).state == "withdrawn"


def test_at_the_same_instant_the_restrictive_one_wins() -> None:
    for refusal in REFUSALS:
        assert state_of(consent("given", 1), consent(refusal, 1)).state == refusal


def test_two_consents_of_one_instant_permit_what_both_do() -> None:
    row = state_of(
        consent("given", 1, version=2, valid_until=day(9)),
        consent("given", 1, version=1, valid_until=day(30)),
    )
    assert (row.version, row.valid_until) == (1, day(9))


def test_a_merge_keeps_the_refusal_of_either_side() -> None:
    events = [consent("given", 5, identifier_id=1), consent("withdrawn", 1, identifier_id=2)]
    assert state_of(*events, merges=[merge(6, {1}, {2})]).state == "withdrawn"
    assert state_of(*events, merges=[merge(6, {2}, {1})]).state == "withdrawn"
    assert state_of(*events).state == "given", "without the merge the later one decides"


def test_what_is_said_after_a_merge_decides() -> None:
    events = [consent("given", 5, identifier_id=1), consent("withdrawn", 1, identifier_id=2)]
    merges = [merge(6, {1}, {2})]
    assert state_of(*events, consent("given", 7), merges=merges).state == "given"
    late = consent("given", 5.5, received_at=day(8))
    assert state_of(*events, late, merges=merges).state == "withdrawn"


def test_a_side_that_never_decided_does_not_undo_the_other() -> None:
    events = [consent("given", 5, identifier_id=1), consent("requested", 1, identifier_id=2)]
    assert state_of(*events, merges=[merge(6, {1}, {2})]).state == "given"


def test_an_identifier_that_joined_without_a_merge_speaks_for_the_profile() -> None:
    events = [consent("given", 2, identifier_id=1), consent("withdrawn", 3, identifier_id=9)]
    assert state_of(*events, merges=[merge(4, {1}, {2})]).state == "withdrawn"


def test_a_claim_grants_nothing_to_a_vouched_profile_but_its_refusal_binds() -> None:
    claim = consent("given", 2, trust=1)
    assert not permits(state_of(claim))
    assert permits(state_of(claim, is_vouched=False))
    assert state_of(consent("given", 1), consent("withdrawn", 2, trust=1)).state == "withdrawn"


def test_a_consent_ends_with_the_validity_of_the_version_that_was_agreed_to() -> None:
    assert state_of(consent("given", 1, validity="P9D")).valid_until == day(10)
    cut = consent("given", 1, validity="P9D", valid_until=day(400))
    assert state_of(cut).valid_until == day(10)
    shorter = consent("given", 1, validity="P9D", valid_until=day(5))
    assert state_of(shorter).valid_until == day(5)


def test_a_grant_of_a_part_counts_only_while_nothing_else_names_the_profile() -> None:
    part = consent("given", 1, reached=frozenset({1}))

    def state(named_by: set[int], *events: LedgerEvent) -> StateRow:
        rows = fold(
            [part, *events], [], is_vouched=True, purposes=PURPOSES, named_by=frozenset(named_by)
        )
        return rows.get(NEWS, StateRow())

    assert permits(state({1}))
    assert permits(state(set()))
    assert not permits(state({1, 2}))
    refusal = consent("withdrawn", 2, reached=frozenset({1}))
    assert state({1, 2}, refusal).state == "withdrawn", "a refusal always binds the whole"


def test_a_no_to_the_replaced_purpose_is_an_objection_to_the_new_one() -> None:
    def objected(*events: LedgerEvent) -> bool:
        rows = fold(
            events, [], is_vouched=True, purposes={3: False} | PURPOSES, replaced={3: [NEWS]}
        )
        return rows.get(3, StateRow()).is_objected

    for refusal in REFUSALS:
        assert objected(consent(refusal, 1))
        assert not objected(consent(refusal, 1), consent("given", 2, purpose_id=3))
        assert not objected(consent(refusal, 1), consent("given", 2))
        assert objected(consent(refusal, 1), consent("given", 2, purpose_id=3, actor="staff"))
    assert objected(objection(1, purpose_id=NEWS))
    assert not objected(consent("given", 1))
    assert not objected(consent("requested", 1))


@given(
    st.sampled_from(BASES),
    st.booleans(),
    st.sampled_from(REFUSALS),
)
def test_what_replaces_a_refused_purpose_is_refused_under_every_basis(
    basis: str, is_marketing: bool, refusal: str
) -> None:
    rows = fold(
        [consent(refusal, 1)],
        [],
        is_vouched=True,
        purposes={3: is_marketing, NEWS: False},
        replaced={3: [NEWS]},
    )
    terms = GateTerms(basis, is_marketing, 1, replaces_another=True)
    assert not is_permitted(terms, rows[3], is_restricted=False, at=day(9))


def test_an_objection_covers_direct_marketing_only() -> None:
    rows = fold(
        [consent("given", 1), consent("given", 1, purpose_id=ADS), objection(2)],
        [],
        is_vouched=True,
        purposes=PURPOSES,
    )
    assert rows[NEWS].is_objected
    assert rows[NEWS].objected_at == day(2)
    assert not rows[ADS].is_objected


def test_only_a_later_grant_by_the_person_lifts_an_objection() -> None:
    assert not state_of(objection(2), consent("given", 3)).is_objected
    for other in (
        consent("given", 1),
        consent("given", 2),
        consent("given", 3, actor="staff"),
        consent("given", 3, actor="guardian"),
        consent("given", 3, purpose_id=ADS),
        consent("given", 3, trust=1),
    ):
        assert state_of(objection(2), other).is_objected


def test_an_objection_taken_back_is_gone() -> None:
    assert not state_of(objection(2), objection(3, state="withdrawn")).is_objected
    assert not state_of(objection(2), objection(3, state="withdrawn", purpose_id=NEWS)).is_objected
    specific = objection(2, purpose_id=NEWS)
    assert state_of(specific, objection(3, state="withdrawn")).is_objected


def test_an_objection_of_either_side_survives_a_merge() -> None:
    events = [objection(1, identifier_id=2), consent("given", 3, identifier_id=1)]
    assert state_of(*events, merges=[merge(4, {1}, {2})]).is_objected
    assert not state_of(*events, consent("given", 5), merges=[merge(4, {1}, {2})]).is_objected


# Properties


@settings(max_examples=tries(600), deadline=None)
@given(histories, merge_histories(), st.booleans(), st.frozensets(st.integers(1, 5), max_size=3))
def test_the_fold_equals_the_naive_one(
    events: list[LedgerEvent],
    merges: list[MergeSides],
    is_vouched: bool,
    named_by: frozenset[int],
) -> None:
    options: dict[str, Any] = {
        "is_vouched": is_vouched,
        "purposes": PURPOSES | {3: False},
        "replaced": {3: [ADS], ADS: [NEWS]},
        "named_by": named_by,
    }
    assert fold(events, merges, **options) == naive_fold(events, merges, **options)


@settings(max_examples=tries(200), deadline=None)
@given(histories, merge_histories(), st.data())
def test_the_state_does_not_depend_on_the_order_of_arrival(
    events: list[LedgerEvent], merges: list[MergeSides], choices: st.DataObject
) -> None:
    shuffled = choices.draw(st.permutations(events + events[:2]))
    again = fold(
        shuffled, choices.draw(st.permutations(merges)), is_vouched=True, purposes=PURPOSES
    )
    assert again == fold(events, merges, is_vouched=True, purposes=PURPOSES)


@settings(max_examples=tries(300), deadline=None)
@given(histories, merge_histories(), st.integers(0, 400))
def test_a_merge_never_widens(events: list[LedgerEvent], merges: list[MergeSides], at: int) -> None:
    if not merges:
        return
    last = merges[-1]
    events = [
        event
        for event in events
        if event.identifier_id in last.survivor | last.absorbed
        and event.effective_at <= last.merged_at
    ]
    merged = fold(events, merges, is_vouched=True, purposes=PURPOSES)
    for side in (last.survivor, last.absorbed):
        side_events = [event for event in events if event.identifier_id in side]
        apart = fold(side_events, merges[:-1], is_vouched=True, purposes=PURPOSES)
        for purpose, row in apart.items():
            is_decided = row.decided_at is not None
            if is_decided and not permits(replace(row, is_objected=False), at):
                assert not permits(replace(merged[purpose], is_objected=False), at)
            assert merged[purpose].is_objected or not row.is_objected


@settings(max_examples=tries(200), deadline=None)
@given(histories, merge_histories(), events_at)
def test_an_event_older_than_a_standing_refusal_never_reopens_it(
    events: list[LedgerEvent], merges: list[MergeSides], late: LedgerEvent
) -> None:
    before = fold(events, merges, is_vouched=True, purposes=PURPOSES).get(late.purpose_id or 0)
    if before is None or before.state not in REFUSALS or before.decided_at is None:
        return
    late = replace(late, occurred_at=before.decided_at - timedelta(days=1))
    after = fold([*events, late], merges, is_vouched=True, purposes=PURPOSES)[late.purpose_id or 0]
    assert not permits(after)


@settings(max_examples=tries(200), deadline=None)
@given(histories, merge_histories(), events_at)
def test_a_claim_never_grants_for_a_vouched_profile(
    events: list[LedgerEvent], merges: list[MergeSides], claim: LedgerEvent
) -> None:
    claim = replace(claim, trust=1, state="given")
    before = fold(events, merges, is_vouched=True, purposes=PURPOSES)
    assert fold([*events, claim], merges, is_vouched=True, purposes=PURPOSES) == before
