"""The identity engine, rule by rule."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from profiles.identity.engine import (
    MONTH,
    WEEK,
    YEAR,
    Assignment,
    Decisions,
    Limit,
    NamespaceRule,
    Outcome,
    RefusalRule,
    Verdict,
)
from tests.profiles.identity_stories import (
    CLAIM,
    DAY,
    SERVER,
    STAFF,
    VERIFIED,
    Story,
    people,
    ref,
    refs,
    refusals,
    rules_with,
)

# Plain facts


def test_unknown_refs_make_a_profile_and_its_anchor_is_the_highest_priority():
    outcome = Story().add_fact("a1 e1 u1", CLAIM)
    assert outcome.is_new
    assert outcome.is_plain
    assert outcome.profile == 1
    assert outcome.kept == refs("u1 e1 a1")
    assert outcome.attached == refs("u1 e1 a1")
    assert outcome.anchor == ref("u1")
    assert outcome.vouched == ()


def test_a_known_person_gains_the_refs_that_a_fact_adds():
    story = Story()
    story.add_fact("u1")
    outcome = story.add_fact("u1 e1", day=DAY + timedelta(1))
    assert (outcome.profile, outcome.is_new, outcome.attached) == (1, False, refs("e1"))
    assert story.state.assignment_of(ref("e1")) == Assignment(1, True, DAY + timedelta(1))


def test_a_fact_that_says_nothing_new_changes_nothing_and_names_its_person():
    story = Story()
    story.add_fact("e1 u1")
    before = dict(story.state.assignments())
    outcome = story.add_fact("e1 u1", CLAIM)
    assert (outcome.profile, outcome.anchor, outcome.kept) == (1, ref("u1"), refs("u1 e1"))
    assert outcome.is_plain
    assert story.state.assignments() == before


def test_a_fact_that_names_two_people_makes_them_the_one_who_was_created_first():
    story = Story()
    story.add_fact("e1")
    story.add_fact("a1")
    outcome = story.add_fact("e1 a1")
    assert (outcome.profile, outcome.absorbed) == (1, (2,))
    assert [(move.ref, move.origin, move.target) for move in outcome.moved] == [(ref("a1"), 2, 1)]
    assert not outcome.is_plain
    assert story.people() == people("e1 a1")


def test_the_day_since_which_a_ref_is_held_survives_a_merge():
    story = Story()
    story.add_fact("e1")
    story.add_fact("a1")
    story.add_fact("e1 a1", day=DAY + timedelta(9))
    assert story.state.assignment_of(ref("a1")) == Assignment(1, True, DAY)


def test_a_server_fact_vouches_for_what_it_keeps_and_a_claim_for_nothing():
    story = Story()
    assert story.add_fact("u1 a1", CLAIM).vouched == ()
    assert story.add_fact("u1 a1", SERVER).vouched == refs("u1 a1")
    assert story.add_fact("u1 a1 d1", VERIFIED).vouched == refs("d1")
    assert story.add_fact("u1 a1 d1", STAFF).vouched == ()
    assert story.people() == people("u1 a1 d1")


def test_a_fact_without_refs_is_an_error():
    with pytest.raises(ValueError, match="at least one identifier"):
        Story().add_fact("")


# Unique, limits, decisions


def test_two_values_of_a_unique_namespace_are_never_one_person():
    story = Story()
    story.add_fact("u1 e1")
    outcome = story.add_fact("u2 e1")
    assert refusals(outcome) == {ref("e1"): RefusalRule.UNIQUE}
    assert story.people() == people("u1 e1", "u2")


def test_two_new_values_of_a_unique_namespace_in_one_fact_keep_the_first():
    outcome = Story().add_fact("u2 u1 e1")
    assert (outcome.kept, refusals(outcome)) == (refs("u1 e1"), {ref("u2"): RefusalRule.UNIQUE})


def test_a_ref_on_the_anchors_own_profile_is_not_dropped_for_what_another_brings():
    story = Story()
    story.add_fact("u1 a1")
    story.add_fact("u2 e2")
    outcome = story.add_fact("u1 a1 e2")
    assert refusals(outcome) == {ref("e2"): RefusalRule.UNIQUE}
    assert outcome.kept == refs("u1 a1")


def test_a_ref_that_brings_no_conflict_is_kept_although_it_is_the_lowest():
    story = Story()
    story.add_fact("u1")
    story.add_fact("u2 e2")
    outcome = story.add_fact("u1 e2 a9")
    assert refusals(outcome) == {ref("e2"): RefusalRule.UNIQUE}
    assert outcome.attached == refs("a9")


def test_a_profile_takes_five_values_of_a_namespace_without_a_rule_and_no_sixth():
    story = Story()
    for number in range(5):
        assert story.add_fact(f"u1 c{number}").is_plain
    assert refusals(story.add_fact("u1 c9")) == {ref("c9"): RefusalRule.LIMIT}


@pytest.mark.parametrize(
    ("prefix", "days"), [("a", WEEK), ("e", YEAR), ("f", None)], ids=["week", "year", "ever"]
)
def test_a_limit_slides_over_its_days(prefix: str, days: int | None):
    story = Story()
    for number in range(5):
        story.add_fact(f"u1 {prefix}{number}")
    last = DAY + timedelta((days or 9999) - 1)
    assert refusals(story.add_fact(f"u1 {prefix}8", day=last)) == {
        ref(f"{prefix}8"): RefusalRule.LIMIT
    }
    after = story.add_fact(f"u1 {prefix}9", day=last + timedelta(1))
    assert after.is_plain == (days is not None)


def test_a_limit_of_a_month_is_thirty_days():
    assert Limit(1, MONTH).counts(DAY, DAY + timedelta(29))
    assert not Limit(1, MONTH).counts(DAY, DAY + timedelta(30))
    assert not Limit(1, MONTH).counts(DAY + timedelta(1), DAY)


def test_a_merge_that_would_exceed_a_limit_is_not_done():
    story = Story()
    story.add_fact("e1 f1 f2 f3")
    story.add_fact("e2 f4 f5 f6")
    outcome = story.add_fact("e1 e2")
    assert refusals(outcome) == {ref("e2"): RefusalRule.LIMIT}
    assert story.people() == people("e1 f1 f2 f3", "e2 f4 f5 f6")


def test_refs_that_bring_nothing_of_a_crowded_namespace_are_no_conflict():
    crowded = Story()
    crowded.add_fact("u1 f1 f2 f3")
    strict = Story(rules=rules_with(NamespaceRule("phone", 3, Limit(2))), state=crowded.state)
    strict.seq = 10
    assert strict.add_fact("u1 e1 a1").is_plain
    assert strict.add_fact("e5 f1").is_plain
    assert refusals(strict.add_fact("u1 f9")) == {ref("f9"): RefusalRule.LIMIT}


def test_a_profile_over_a_new_limit_joins_one_of_whom_the_limit_counts_nothing():
    before = Story()
    before.add_fact("e1")
    before.add_fact("u1 e2 e3 e4", day=DAY + timedelta(WEEK))
    rules = rules_with(NamespaceRule("email", 2, Limit(2, WEEK)))
    story = Story(rules=rules, state=before.state, seq=10)
    assert story.add_fact("u1 e1", day=DAY + timedelta(WEEK)).absorbed == (2,)
    assert refusals(story.add_fact("u1 e9", day=DAY + timedelta(WEEK))) == {
        ref("e9"): RefusalRule.LIMIT
    }


def test_conflicts_are_settled_in_the_order_of_priority():
    rules = rules_with(
        NamespaceRule("email", 2, Limit(1)),
        NamespaceRule("anonymous_id", 4, Limit(2), is_weak=True),
    )
    story = Story(rules=rules)
    story.add_fact("u1 e1 a1")
    story.add_fact("e3 a3")
    outcome = story.add_fact("u1 e3 a9")
    assert refusals(outcome) == {ref("e3"): RefusalRule.LIMIT}
    assert outcome.attached == refs("a9")


def test_a_pair_that_staff_declared_different_is_never_brought_together():
    story = Story(decisions=Decisions([Verdict(ref("e1"), ref("a2"), 1)]))
    story.add_fact("e1 a1")
    story.add_fact("e2 a2")
    outcome = story.add_fact("a1 e2")
    assert (outcome.anchor, refusals(outcome)) == (ref("e2"), {ref("a1"): RefusalRule.NOT_SAME})
    assert refusals(story.add_fact("e1 a2")) == {ref("a2"): RefusalRule.NOT_SAME}
    assert story.people() == people("e1 a1", "e2 a2")


def test_a_limit_and_a_unique_key_do_not_hold_for_public_uuids():
    story = Story()
    assert story.add_fact(" ".join(f"p{number}" for number in range(30))).is_plain


def test_a_takeover_brings_no_public_uuid_to_a_ref_that_it_must_not_be_with():
    story = Story(decisions=Decisions([Verdict(ref("p1"), ref("d1"), 1)]))
    story.add_fact("u1", CLAIM)
    story.state.assign(ref("p1"), 1, False, DAY)
    outcome = story.add_fact("u1 d1")
    assert (outcome.profile, refusals(outcome)) == (1, {ref("d1"): RefusalRule.NOT_SAME})


# Wanters, caps, quarantine


def kiosk(story: Story, visitors: Iterable[int], day: date = DAY) -> list[Outcome]:
    """Add a fact for each visitor, with their own user_id and the e-mail address of the house."""
    return [story.add_fact(f"u{visitor} e0", day=day) for visitor in visitors]


def test_a_ref_that_too_many_want_in_a_day_is_quarantined_and_then_left_out():
    story = Story()
    outcomes = kiosk(story, range(1, 23))
    assert [bool(outcome.quarantined) for outcome in outcomes] == [False] * 21 + [True]
    assert outcomes[21].quarantined == outcomes[21].wanted == refs("e0")
    after = story.add_fact("u99 e0")
    assert (after.kept, after.dropped, after.is_plain) == (refs("u99"), (), True)


def test_wanters_are_counted_ever_as_well_as_by_day():
    story = Story()
    for index in range(5):
        kiosk(story, range(index * 10, index * 10 + 10), DAY + timedelta(index))
    assert not story.state.is_quarantined(ref("e0"))
    assert kiosk(story, [50, 51], DAY + timedelta(9))[-1].quarantined == refs("e0")


def test_the_same_wanter_counts_once_however_often_they_ask():
    story = Story(rules=rules_with(daily_cap=2, total_cap=2))
    story.add_fact("u0 e0")
    assert not any(kiosk(story, [1, 1, 2, 2, 1])[index].quarantined for index in range(5))
    assert kiosk(story, [3])[0].quarantined == refs("e0")


def test_a_merge_through_a_ref_that_too_many_want_is_not_done():
    story = Story(rules=rules_with(daily_cap=2))
    story.add_fact("d1")
    for number in (1, 2, 3):
        story.add_fact(f"c{number}")
    assert story.add_fact("d1 c1").wanted == refs("c1")
    rules = rules_with(NamespaceRule("loyalty_card", 1, Limit(9)), daily_cap=2)
    story = Story(rules=rules)
    story.add_fact("d1")
    for number in (1, 2, 3):
        story.add_fact(f"c{number}")
    assert [story.add_fact(f"c{number} d1").absorbed for number in (1, 2)] == [(2,), (3,)]
    outcome = story.add_fact("c3 d1")
    assert refusals(outcome) == {ref("d1"): RefusalRule.CAP}
    assert (outcome.quarantined, outcome.absorbed, outcome.profile) == (refs("d1"), (), 4)


def test_a_quarantined_ref_is_left_out_even_where_its_own_person_names_it():
    story = Story()
    story.add_fact("u1 e1")
    story.state.quarantine(ref("e1"))
    assert story.add_fact("u1 e1").kept == refs("u1")


def test_a_quarantined_ref_alone_finds_a_profile_of_its_own():
    story = Story(rules=rules_with(daily_cap=1))
    kiosk(story, [1, 2, 3])
    outcome = story.add_fact("e0")
    assert outcome.kept == refs("e0")
    assert story.state.refs_of(outcome.profile) == set(refs("e0"))
    story.state.quarantine(ref("a0"))
    assert story.add_fact("a0 e0").kept == refs("e0")
