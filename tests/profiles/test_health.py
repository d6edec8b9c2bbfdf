"""Identity health: each figure is what counting by hand gives, and names whom to look at."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from profiles.health.checks import CHECKS, Health, checks_for, find
from profiles.health.people import Sampled
from profiles.models import HealthMeasure, Profile
from profiles.models.access import Scope
from profiles.services import find_health, last_out_of_range, measure_health
from tests.admin import sign_in
from tests.factories import make_client, profile_of, send_messages

URL = "/api/v1/identity/health/"
KINDS = ("given_name", "surname", "birth_date", "gender", "country", "national_id")


def identify(user: str, *, anonymous: str = "", **traits: Any) -> dict[str, Any]:
    message = {"type": "identify", "userId": user, "traits": traits}
    return message | ({"anonymousId": anonymous} if anonymous else {})


def found(key: str) -> Any:
    return next(finding for finding in find_health() if finding.check.key == key)


def id_of(user: str) -> UUID:
    return profile_of(f"user_id:{user}").uuid


@pytest.mark.django_db
def test_a_person_of_many_names_is_counted_though_the_newest_name_hides_the_others() -> None:
    # A record has the newest word of each source.
    for name in ("Ada", "Bob", "Cleo"):
        said = identify("mixed", firstName=name, gender=name[0], birthday="1990-12-31")
        send_messages(said, source=f"shop-{name}")
    send_messages(*(identify(f"u{number}", first_name="Dora") for number in range(49)))
    names = found("given_names")
    assert (names.people, names.counted, names.value) == (50, 1, 2.0)
    assert names.cases == [id_of("mixed")]
    assert names.health == Health.IN_RANGE
    genders = found("genders")
    assert (genders.people, genders.counted, genders.health) == (1, 1, Health.TOO_FEW)
    assert found("birth_dates").counted == 0


@pytest.mark.django_db
def test_restricted_people_and_special_data_are_not_looked_at() -> None:
    send_messages(identify("open", firstName="Ada"), identify("closed", firstName="Bob"))
    Profile.objects.filter(uuid=id_of("closed")).update(is_restricted=True)
    assert found("given_names").people == 1


@pytest.mark.django_db
def test_what_two_people_say_is_shared() -> None:
    # Two user_ids are two people, and the phone number stays with the first.
    send_messages(
        identify("one", phone="+33612345678"),
        identify("other", phone="+33 6 12 34 56 78"),
        identify("third", phone="+33698765432"),
    )
    shared = found("shared_phones")
    assert (shared.people, shared.counted) == (3, 2)
    assert set(shared.cases) == {id_of("one"), id_of("other")}


def sampled(values: dict[str, set[str]], identifiers: dict[str, int], vouched: int) -> Sampled:
    of_each = {namespace: min(vouched, held) for namespace, held in identifiers.items()}
    return Sampled(uuid4(), values, identifiers, of_each)


people = st.lists(
    st.builds(
        sampled,
        st.dictionaries(st.sampled_from(KINDS), st.sets(st.sampled_from("abcdef"), min_size=1)),
        st.dictionaries(
            st.sampled_from(["email", "phone", "user_id", "anonymous_id"]), st.integers(1, 120)
        ),
        st.integers(0, 8),
    ),
    max_size=8,
)


def say(kind: str, most: int) -> tuple[Any, Any]:
    """By hand: who says a kind at all, and who says too many."""
    return (
        lambda person: kind in person.values,
        lambda person: len(person.values[kind]) > most,
    )


def hold(namespace: str, most: int) -> tuple[Any, Any]:
    """By hand: who holds an identifier of a namespace, and who holds too many."""
    return (
        lambda person: namespace in person.identifiers,
        lambda person: person.identifiers[namespace] > most,
    )


def is_anybody(person: Sampled) -> bool:
    return True


BY_HAND: dict[str, tuple[Any, Any]] = {
    "given_names": say("given_name", 2),
    "surnames": say("surname", 2),
    "birth_dates": say("birth_date", 1),
    "genders": say("gender", 1),
    "countries": say("country", 2),
    "national_ids": say("national_id", 1),
    "user_ids": hold("user_id", 1),
    "emails": hold("email", 5),
    "phones": hold("phone", 5),
    "devices": hold("anonymous_id", 50),
    "size_tail": (is_anybody, lambda person: sum(person.identifiers.values()) > 100),
    "singletons": (is_anybody, lambda person: sum(person.identifiers.values()) == 1),
    "unvouched": (
        lambda person: {"email", "phone"} & person.identifiers.keys(),
        lambda person: not person.vouched.get("email") and not person.vouched.get("phone"),
    ),
    "empty": (
        is_anybody,
        lambda person: not person.values and sum(person.identifiers.values()) <= 1,
    ),
}


@given(people)
def test_each_figure_is_what_counting_by_hand_gives(sample: list[Sampled]) -> None:
    assert {check.key for check in CHECKS} == BY_HAND.keys()
    for finding in find(CHECKS, sample):
        is_among, is_counted = BY_HAND[finding.check.key]
        among = [person for person in sample if is_among(person)]
        counted = [person for person in among if is_counted(person)]
        assert (finding.people, finding.counted) == (len(among), len(counted))
        assert set(finding.cases) <= {person.uuid for person in counted}


def test_a_range_has_two_ends_and_few_people_have_none() -> None:
    def healths(count: int, singles: int) -> Any:
        sample = [
            Sampled(uuid4(), identifiers={"email": 1 if number < singles else 2})
            for number in range(count)
        ]
        by_key = {finding.check.key: finding.health for finding in find(checks_for(sample), sample)}
        return by_key["singletons"]

    assert healths(49, 0) == Health.TOO_FEW
    assert healths(100, 0) == Health.OUT_OF_RANGE
    assert healths(100, 50) == Health.IN_RANGE
    assert healths(100, 100) == Health.OUT_OF_RANGE


@pytest.mark.django_db
def test_one_measure_a_day_is_kept_and_shown() -> None:
    send_messages(*(identify(f"u{number}", firstName="Ada") for number in range(60)))
    measure_health()
    HealthMeasure.objects.update(day=timezone.localdate() - timedelta(days=1))
    measure_health()
    measure_health()
    assert HealthMeasure.objects.filter(key="singletons").count() == 2
    # Each of them has one identifier.
    assert "singletons" in last_out_of_range()
    (shown,) = [
        check
        for check in make_client(Scope.PROFILES_READ).get(URL).json()["checks"]
        if check["key"] == "singletons"
    ]
    assert (shown["value"], shown["state"], len(shown["trend"])) == (100.0, "out_of_range", 2)
    assert len(shown["cases"]) == 20
    page = sign_in().get(reverse("admin:profiles_healthmeasure_changelist")).content.decode()
    assert "People known by one identifier alone" in page
    assert "out of range" in page
    assert "figure is out of range" in sign_in().get(reverse("admin:index")).content.decode()


@pytest.mark.django_db
def test_health_is_for_those_who_may_read_people() -> None:
    assert make_client(Scope.SEGMENTS_READ).get(URL).status_code == 403
    assert make_client(Scope.PROFILES_READ).get(f"{URL}?day=1").status_code == 400
    assert sign_in("marketer").get(
        reverse("admin:profiles_healthmeasure_changelist")
    ).status_code in (200, 403)
