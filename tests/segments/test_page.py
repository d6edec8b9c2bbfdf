"""The tabs of a segment's page: what they count, compare and explain, and for whom."""

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from profiles.models import AuditEntry, EventName, EventStat, Profile, TraitDefinition
from segments.admin.page.versions import difference
from segments.memberships.contrast import LEVEL, ValueCount, contrasts
from segments.memberships.sampled import event_counts
from segments.memberships.spread import spread_of
from segments.models import Segment, SegmentSize
from segments.services import create_segment, rebuild, update_segment
from tests.admin import sign_in
from tests.factories import TESTER, make_profile, make_purpose
from tests.oracles.proportions import exact_chance
from tests.random_ids import without_ids


def trait(key: str, value: str) -> dict[str, Any]:
    return {"type": "trait", "key": key, "operator": "equals", "value": value}


def make_people(*traits: dict[str, Any]) -> list[Profile]:
    profiles = []
    for number, each in enumerate(traits):
        profile = make_profile(f"email:page{number}@example.org")
        Profile.objects.filter(pk=profile.pk).update(traits=each)
        profiles.append(profile)
    return profiles


def make_segment(key: str, definition: dict[str, Any]) -> Segment:
    segment = create_segment(
        key=key, name=key.title(), definition=definition, actor=TESTER, status="live"
    )
    rebuild([key])
    segment.refresh_from_db()
    return segment


def tab(segment: Segment, name: str, *more: object) -> str:
    return reverse(f"admin:segments_segment_{name}", args=[segment.pk, *more])


@given(
    members=st.integers(40, 300),
    others=st.integers(40, 300),
    shares=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
)
@example(members=100, others=100, shares=(0.5, 0.5))
def test_the_chance_of_a_difference_is_about_that_of_the_exact_test(
    members: int, others: int, shares: tuple[float, float]
) -> None:
    having, others_having = round(members * shares[0]), round(others * shares[1])
    count = ValueCount("city", "Lyon", having, others_having)
    found = contrasts([count], members=members, others=others)
    exact = exact_chance(having, members, others_having, others)
    # Near the level the approximation and the exact test may part.
    if exact < LEVEL / 2:
        assert found
    if exact > 2 * LEVEL:
        assert not found


def test_of_people_who_were_drawn_by_lot_hardly_ever_anything_is_special() -> None:
    lot, wrong = random.Random(11), 0
    for _round in range(100):
        counts = [
            ValueCount(
                "trait",
                str(number),
                sum(lot.random() < 0.4 for _ in range(300)),
                sum(lot.random() < 0.4 for _ in range(900)),
            )
            for number in range(10)
        ]
        wrong += bool(contrasts(counts, members=300, others=900))
    # One in twenty is promised; without the correction it would be two in five.
    assert wrong <= 14


def test_a_spread_puts_many_numbers_into_bins_that_hold_all_of_them() -> None:
    bars = spread_of([number % 97 for number in range(1000)], shared_by=1)
    assert len(bars) == 10
    assert sum(bar.people for bar in bars) == 1000
    assert [bar.label for bar in spread_of([3, 1, 3, 2], shared_by=1)] == ["1", "2", "3"]
    assert spread_of(["a", "a", ["b", "a"]], shared_by=2) == [("a", 3)]


def test_versions_say_condition_by_condition_what_changed() -> None:
    lyon, paris = trait("city", "Lyon"), trait("city", "Paris")
    former = {"type": "and", "children": [lyon, {"type": "everyone"}]}
    present = {"type": "and", "children": [paris, {"type": "everyone"}]}
    lines = difference(former, present)
    assert [(line.sign, line.depth) for line in lines] == [(" ", 0), ("−", 1), ("+", 1), (" ", 1)]
    assert "Lyon" in lines[1].words
    assert "Paris" in lines[2].words


@pytest.mark.django_db
def test_a_search_finds_members_by_what_the_user_sees() -> None:
    make_people(
        {"first_name": "Ada", "city": "Lyon", "tier": "gold"},
        {"first_name": "Bo", "city": "Lyon", "tier": "gold"},
        {"first_name": "Ada", "city": "Nantes"},
    )
    TraitDefinition.objects.create(key="tier", type="text", is_reviewed=True)
    segment = make_segment("lyon", trait("tier", "gold"))
    owner, marketer = sign_in(), sign_in("marketer")
    url = tab(segment, "people")
    assert len(owner.post(url, {"q": "ada"}).context["people"].rows) == 1
    # The name is hidden from a marketer, so that no search may tell it.
    assert marketer.post(url, {"q": "ada"}).context["people"].rows == []
    chosen = {"q": "gol", "chosen": "1", "column": ["trait:tier", "orders"]}
    page = marketer.post(url, chosen)
    assert len(page.context["people"].rows) == 2
    assert page.context["titles"] == ["tier", "Orders"]
    entries = AuditEntry.objects.filter(verb="search.made")
    assert entries.count() == 3
    assert "ada" not in without_ids(str(list(entries.values()))).lower()


@pytest.mark.django_db
def test_a_marketer_chooses_no_column_of_a_trait_that_nobody_reviewed() -> None:
    TraitDefinition.objects.create(key="iban", type="text")
    TraitDefinition.objects.create(key="email", type="text", category="contact")
    segment = make_segment("all", {"type": "everyone"})
    body = {"chosen": "1", "column": ["trait:iban", "trait:email"]}
    page = sign_in("marketer").post(tab(segment, "people"), body)
    assert page.context["titles"] == []
    page = sign_in().post(tab(segment, "people"), body)
    assert page.context["titles"] == ["iban", "email"]


@pytest.mark.django_db
def test_what_is_special_about_members_is_found_and_never_a_contact_trait() -> None:
    TraitDefinition.objects.create(key="tier", type="text", is_reviewed=True)
    TraitDefinition.objects.create(key="email", type="text", category="contact")
    make_people(
        *[{"tier": "gold", "city": "Lyon", "email": "a@example.org"}] * 30,
        *[{"tier": "blue", "city": "Nantes", "email": "b@example.org"}] * 30,
    )
    segment = make_segment("lyon", trait("city", "Lyon"))
    for client in (sign_in(), sign_in("marketer")):
        page = client.get(tab(segment, "profile"))
        assert [(row.subject, row.value) for row in page.context["over"]] == [("tier", "gold")]
        assert [row.value for row in page.context["under"]] == ["blue"]
        assert "example.org" not in page.content.decode()


@pytest.mark.django_db
def test_an_overlap_starts_a_segment_of_those_in_one_and_not_in_another() -> None:
    make_people({"city": "Lyon", "tier": "gold"}, {"city": "Lyon"}, {"tier": "gold"})
    lyon, gold = (
        make_segment("lyon", trait("city", "Lyon")),
        make_segment("gold", trait("tier", "gold")),
    )
    marketer = sign_in("marketer")
    page = marketer.get(tab(lyon, "overlap"), {"with": ["gold"]})
    (pair,) = page.context["overlap"].pairs
    assert (pair.other, pair.both, pair.only_this, pair.only_that) == (gold, 1, 1, 1)
    assert "t-upset" in page.content.decode()
    form = marketer.get(pair.only_this_url).context["adminform"].form
    assert json.loads(form["definition"].value()) == {
        "type": "and",
        "children": [
            {"type": "segment", "key": "lyon"},
            {"type": "not", "child": {"type": "segment", "key": "gold"}},
        ],
    }


@pytest.mark.django_db
def test_who_lacks_one_condition_is_told_which() -> None:
    profiles = make_people({"city": "Lyon"}, {"city": "Nantes"})
    both = {"type": "and", "children": [trait("city", "Lyon"), {"type": "everyone"}]}
    segment = make_segment("lyon", both)
    page = sign_in().get(tab(segment, "why", profiles[1].pk))
    assert [missing.title for missing in page.context["nearly"]] == ['city is "Lyon"']
    assert "Nearly in" in page.content.decode()
    assert not sign_in().get(tab(segment, "why", profiles[0].pk)).context["nearly"]


@pytest.mark.django_db
def test_a_negated_condition_that_holds_is_one_green_sentence() -> None:
    (profile,) = make_people({"city": "Lyon"})
    segment = make_segment("not-nantes", {"type": "not", "child": trait("city", "Nantes")})
    tree = sign_in().get(tab(segment, "why", profile.pk)).context["tree"]
    assert tree.holds
    assert not tree.children
    assert "it is Lyon" in tree.evidence


@pytest.mark.django_db
def test_versions_say_who_entered_and_left_by_each() -> None:
    make_people({"city": "Lyon"}, {"city": "Nantes"}, {"city": "Nantes"})
    segment = make_segment("town", trait("city", "Lyon"))
    update_segment(segment, actor=TESTER, changes={"definition": trait("city", "Nantes")})
    rebuild(["town"])
    rows = sign_in().get(tab(segment, "versions")).context["versions"]
    moved = [(row.version.number, row.entered, row.left) for row in rows]
    assert moved == [(2, 2, 1), (1, 1, 0)]


@pytest.mark.django_db
def test_a_former_definition_is_hidden_from_whoever_may_not_ask_it() -> None:
    make_people({"city": "Lyon", "email": "ada@example.org"}, {"city": "Nantes"})
    TraitDefinition.objects.create(key="city", type="text", category="ordinary", is_reviewed=True)
    segment = make_segment("town", trait("email", "ada@example.org"))
    for city in ("Nantes", "Lyon"):
        update_segment(segment, actor=TESTER, changes={"definition": trait("city", city)})
        rebuild(["town"])
    marketer = sign_in("marketer")
    page = marketer.get(tab(segment, "versions"))
    assert "ada@example.org" not in page.content.decode()
    third, *others = page.context["versions"]
    assert (third.is_hidden, third.entered, third.left) == (False, 1, 1)
    # What the second took out is who the first had.
    assert [(row.is_hidden, row.lines, row.moved) for row in others] == [(True, [], [])] * 2
    assert marketer.post(tab(segment, "rollback", 1)).status_code == 403
    overview = marketer.get(tab(segment, "overview")).context
    assert (overview["changes"], overview["reasons"], overview["curve"]) == ([], [], "")
    assert sign_in().get(tab(segment, "overview")).context["changes"]
    day_before = timezone.now() - timedelta(days=1)
    SegmentSize.objects.create(segment=segment, measured_at=day_before, size=1)
    for reader, is_drawn in ((marketer, False), (sign_in(), True)):
        (row,) = reader.get(reverse("admin:segments_segment_changelist")).context["cl"].result_list
        assert bool(row.sparkline) is is_drawn
    assert "ada@example.org" in sign_in().get(tab(segment, "versions")).content.decode()
    assert marketer.post(tab(segment, "rollback", 2)).status_code == 302


@pytest.mark.django_db
def test_a_spread_counts_nobody_whose_processing_is_restricted() -> None:
    people = make_people(*[{"city": "Lyon"}] * 3)
    name = EventName.objects.create(name="Viewed", kind="track")
    now = timezone.now()
    for each in people:
        EventStat.objects.create(profile=each, name=name, count=2, sum=0, first_at=now, last_at=now)
    segment = make_segment("all", {"type": "everyone"})
    assert event_counts(segment, "Viewed", "track") == [2, 2, 2]
    Profile.objects.filter(pk=people[0].pk).update(is_restricted=True)
    assert event_counts(segment, "Viewed", "track") == [2, 2]


@pytest.mark.django_db
def test_a_star_is_ones_own_and_brings_a_segment_to_the_top() -> None:
    make_segment("aaa", {"type": "everyone"})
    segment = make_segment("zzz", {"type": "everyone"})
    marketer, other = sign_in("marketer"), sign_in("marketer")
    listing = reverse("admin:segments_segment_changelist")
    answer = marketer.post(tab(segment, "star"), headers={"HX-Request": "true"})
    assert 'aria-pressed="true"' in answer.content.decode()
    assert [row.key for row in marketer.get(listing).context["cl"].result_list] == ["zzz", "aaa"]
    mine = marketer.get(listing, {"starred": "yes"}).context["cl"].result_list
    assert [row.key for row in mine] == ["zzz"]
    assert [row.key for row in other.get(listing).context["cl"].result_list] == ["aaa", "zzz"]
    marketer.get(tab(segment, "star"))
    assert len(marketer.get(listing, {"starred": "yes"}).context["cl"].result_list) == 1
    marketer.post(tab(segment, "star"))
    assert not marketer.get(listing, {"starred": "yes"}).context["cl"].result_list


@pytest.mark.django_db
def test_the_list_says_who_may_be_reached_and_what_leans_on_a_segment() -> None:
    make_people({"city": "Lyon"}, {"city": "Lyon"})
    segment = make_segment("lyon", trait("city", "Lyon"))
    purpose = make_purpose("contracts", legal_basis="contract")
    update_segment(segment, actor=TESTER, changes={"purpose": purpose})
    make_segment("leaning", {"type": "segment", "key": "lyon"})
    marketer = sign_in("marketer")
    rows = marketer.get(reverse("admin:segments_segment_changelist")).context["cl"].result_list
    assert {row.key: row.used_by_count for row in rows} == {"lyon": 1, "leaning": 0}
    assert all("small" in row.flags for row in rows)
    reach = marketer.get(reverse("admin:segments_segment_reach"), {"segment": [segment.pk, "x"]})
    assert f'<span id="reach-{segment.pk}" hx-swap-oob="innerHTML">2</span>' in str(reach.content)


@pytest.mark.django_db
def test_selected_segments_are_compared() -> None:
    chosen = [make_segment(key, {"type": "everyone"}) for key in ("one", "two")]
    body = {"action": "compare", "_selected_action": [segment.pk for segment in chosen]}
    listing = reverse("admin:segments_segment_changelist")
    answer = sign_in("marketer").post(listing, body, follow=True)
    assert [each.key for each in answer.context["overlap"].chosen] == ["two"]
    assert answer.context["segment"].key == "one"
