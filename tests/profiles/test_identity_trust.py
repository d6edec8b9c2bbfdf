"""What claims may do, and what trusted facts take over from them."""

from profiles.identity.engine import RefusalRule
from tests.profiles.identity_stories import (
    CLAIM,
    DAY,
    SERVER,
    STAFF,
    Story,
    people,
    ref,
    refs,
    refusals,
    rules_with,
)

# Takeover


def test_a_server_fact_takes_over_what_only_a_claim_holds_and_leaves_the_rest():
    story = Story()
    story.add_fact("u1 a1", CLAIM)
    outcome = story.add_fact("u1", SERVER)
    assert (outcome.profile, outcome.is_new, outcome.absorbed) == (2, True, ())
    assert [(move.ref, move.origin) for move in outcome.moved] == [(ref("u1"), 1)]
    assert outcome.vouched == refs("u1")
    assert story.people() == people("a1", "u1")


def test_a_takeover_brings_the_ref_to_the_vouched_person_without_merging():
    story = Story()
    story.add_fact("u1")
    story.add_fact("e1 a1", CLAIM)
    outcome = story.add_fact("u1 e1")
    assert (outcome.profile, outcome.absorbed) == (1, ())
    assert story.people() == people("u1 e1", "a1")


def test_a_takeover_that_leaves_nothing_absorbs_the_profile_and_its_public_uuid():
    story = Story()
    story.add_fact("u1")
    story.add_fact("e1", CLAIM)
    story.state.assign(ref("p2"), 2, False, DAY)
    outcome = story.add_fact("u1 e1")
    assert (outcome.profile, outcome.absorbed) == (1, (2,))
    assert {move.ref for move in outcome.moved} == set(refs("e1 p2"))
    assert story.people() == people("u1 e1 p2")


def test_a_server_fact_that_names_all_of_a_claimed_person_keeps_their_profile():
    story = Story()
    story.add_fact("u1 e1", CLAIM)
    outcome = story.add_fact("e1 u1 f1")
    assert (outcome.profile, outcome.moved, outcome.vouched) == (1, (), refs("u1 e1 f1"))


def test_an_anonymous_visitor_simply_joins_whom_a_server_fact_names():
    story = Story()
    story.add_fact("a1 d1", CLAIM)
    story.add_fact("u1")
    outcome = story.add_fact("u1 a1")
    assert (outcome.profile, outcome.absorbed) == (1, (2,))
    assert story.people() == people("a1 d1 u1")


def test_a_claimed_ref_inside_a_vouched_person_merges_with_them():
    story = Story()
    story.add_fact("e1")
    story.add_fact("e1 a1", CLAIM)
    story.add_fact("u1")
    assert story.add_fact("u1 a1").absorbed == (2,)
    assert story.people() == people("e1 a1 u1")


def test_a_server_fact_that_names_the_profile_itself_takes_nothing_apart():
    story = Story()
    story.add_fact("u1 a1", CLAIM)
    story.state.assign(ref("p1"), 1, False, DAY)
    outcome = story.add_fact("p1 e1", STAFF)
    assert (outcome.profile, outcome.moved, outcome.anchor) == (1, (), ref("p1"))
    assert story.people() == people("u1 a1 p1 e1")


# Claims


def test_claims_join_people_for_whom_nobody_vouches():
    story = Story()
    story.add_fact("u1 a1", CLAIM)
    story.add_fact("e1 a2", CLAIM)
    assert story.add_fact("u1 e1", CLAIM).absorbed == (2,)
    assert story.people() == people("u1 a1 e1 a2")


def test_a_claim_never_gives_a_strong_ref_to_a_vouched_person():
    for newcomer in ("e2", "f2", "c2"):
        story = Story()
        story.add_fact("u1")
        outcome = story.add_fact(f"u1 {newcomer}", CLAIM)
        assert refusals(outcome) == {ref(newcomer): RefusalRule.TRUST}
        assert story.people() == people("u1")


def test_a_claim_gives_anonymous_and_device_refs_to_the_vouched_person_it_names():
    story = Story()
    story.add_fact("e1")
    outcome = story.add_fact("e1 a1 d1", CLAIM)
    assert (outcome.profile, outcome.attached, outcome.is_plain) == (1, refs("a1 d1"), True)


def test_a_claim_joins_an_anonymous_visitor_to_the_vouched_person_it_names():
    story = Story()
    story.add_fact("a1 d1", CLAIM)
    story.state.assign(ref("p1"), 1, False, DAY)
    story.add_fact("u1")
    assert story.add_fact("a1 u1", CLAIM).absorbed == (2,)
    assert story.people() == people("a1 d1 p1 u1")


def test_a_claimed_new_user_with_the_email_of_a_vouched_person_becomes_somebody_else():
    story = Story()
    story.add_fact("e1")
    outcome = story.add_fact("u9 e1 a1", CLAIM)
    assert refusals(outcome) == {ref("e1"): RefusalRule.TRUST}
    assert (outcome.profile, outcome.anchor) == (2, ref("u9"))
    assert story.people() == people("e1", "u9 a1")


def test_a_claimed_new_user_in_the_browser_of_a_vouched_person_is_what_is_dropped():
    story = Story()
    story.add_fact("e1 a1")
    outcome = story.add_fact("u9 a1", CLAIM)
    assert refusals(outcome) == {ref("u9"): RefusalRule.TRUST}
    assert (outcome.profile, outcome.anchor, outcome.kept) == (1, ref("a1"), refs("a1"))
    assert outcome.dropped[0].wanter == ref("a1")
    assert story.state.assignment_of(ref("u9")) is None


def test_all_claimed_newcomers_in_the_browser_of_a_vouched_person_are_dropped():
    story = Story()
    story.add_fact("u1 a1")
    outcome = story.add_fact("e9 f9 a1 a2", CLAIM)
    assert set(refusals(outcome)) == set(refs("e9 f9"))
    assert (outcome.profile, outcome.kept) == (1, refs("a1 a2"))


def test_a_refused_newcomer_does_not_cost_the_vouched_person_their_own_email():
    story = Story()
    story.add_fact("e1 a1")
    outcome = story.add_fact("u9 e1 a1", CLAIM)
    assert refusals(outcome) == {ref("u9"): RefusalRule.TRUST}
    assert (outcome.profile, outcome.anchor, outcome.kept) == (1, ref("e1"), refs("e1 a1"))


def test_a_claim_in_the_browser_of_another_vouched_person_lands_on_the_user_it_names():
    story = Story()
    story.add_fact("u1 a1")
    story.add_fact("u2")
    outcome = story.add_fact("u2 a1", CLAIM)
    assert refusals(outcome) == {ref("a1"): RefusalRule.TRUST}
    assert outcome.profile == 2
    assert story.people() == people("u1 a1", "u2")


def test_a_claim_never_joins_two_vouched_people_through_anonymous_refs():
    story = Story()
    story.add_fact("e1 a1")
    story.add_fact("e2 a2")
    outcome = story.add_fact("a1 a2", CLAIM)
    assert (refusals(outcome), outcome.profile) == ({ref("a2"): RefusalRule.TRUST}, 1)


def test_a_new_anonymous_ref_cannot_join_two_vouched_people_either():
    story = Story()
    story.add_fact("e1 d1")
    story.add_fact("e2 d2")
    outcome = story.add_fact("a1 d1 d2", CLAIM)
    assert (refusals(outcome), outcome.profile) == ({ref("d2"): RefusalRule.TRUST}, 1)
    assert story.people() == people("e1 d1 a1", "e2 d2")


def test_a_claim_joins_no_unvouched_person_with_a_strong_ref_to_a_vouched_one():
    story = Story()
    story.add_fact("u1")
    story.add_fact("e2 a2", CLAIM)
    assert refusals(story.add_fact("u1 a2", CLAIM)) == {ref("a2"): RefusalRule.TRUST}
    assert refusals(story.add_fact("u1 e2", CLAIM)) == {ref("e2"): RefusalRule.TRUST}
    assert story.people() == people("u1", "e2 a2")


def test_only_the_claimed_ref_that_clashes_with_the_anchor_is_dropped():
    story = Story()
    story.add_fact("u1 f1")
    assert refusals(story.add_fact("u1 e2 f1", CLAIM)) == {ref("e2"): RefusalRule.TRUST}
    story.add_fact("u2 a2", CLAIM)
    outcome = story.add_fact("u2 f1 c9", CLAIM)
    assert refusals(outcome) == {ref("f1"): RefusalRule.TRUST}
    assert outcome.attached == refs("c9")


def test_a_joining_source_joins_vouched_people_but_neither_takes_over_nor_vouches():
    story = Story(rules=rules_with(joining_sources=frozenset({"web"})))
    story.add_fact("e1")
    outcome = story.add_fact("u1 e1", CLAIM, source="web")
    assert (outcome.profile, outcome.vouched, outcome.is_plain) == (1, (), True)
    story.add_fact("f1 a1", CLAIM)
    assert story.add_fact("u1 f1", CLAIM, source="web").absorbed == (2,)
    assert story.people() == people("e1 u1 f1 a1")
    assert not story.state.assignments()[ref("u1")].is_vouched


def test_a_server_fact_from_a_joining_source_takes_over_and_vouches():
    story = Story(rules=rules_with(joining_sources=frozenset({"web"})))
    story.add_fact("u1 a1", CLAIM)
    assert story.add_fact("u1", SERVER, source="web").vouched == refs("u1")
    assert story.people() == people("a1", "u1")
