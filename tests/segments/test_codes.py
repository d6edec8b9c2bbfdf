"""Codes: one to a person, none given twice, whatever is killed and whoever comes at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.services import NewRequest, act_on_requests, open_request
from profiles.models import DecisionVerdict, Identifier, Profile
from profiles.services import NewDecision, decide
from segments.codes.giving import give_code
from segments.codes.pools import ALPHABET
from segments.models import Code, CodePool
from segments.personal_data.outlets import CodeData
from segments.services import (
    SegmentError,
    add_codes,
    create_list,
    create_mail_template,
    create_pool,
    generate_codes,
    low_pools,
    stock_of,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_profile, profile_of
from tests.segments.flows import decided, do, pass_time, publish, states

STEP = {"type": "code", "pool": "summer"}
database = pytest.mark.django_db


def pool(*codes: str, **options: Any) -> CodePool:
    row = create_pool(key="summer", name="Summer", actor=TESTER, **options)
    add_codes(row, codes, actor=TESTER)
    return row


def code_of(user_id: str) -> str | None:
    rows = CodeData().read([profile_of(f"user_id:{user_id}").pk])
    return next((row["code"] for each in rows.values() for row in each), None)


class _Killed(Exception):
    """The end of a worker."""


PEOPLE = 4
operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.sampled_from("ABCDEF"), max_size=4)),
        st.tuples(st.sampled_from(["give", "kill", "forget"]), st.integers(0, PEOPLE - 1)),
    ),
    max_size=25,
)


@database
@settings(deadline=None)
@given(operations=operations)
def test_codes_are_given_as_a_plain_model_gives_them(operations: list[tuple[str, Any]]) -> None:
    Code.objects.all().delete()
    CodePool.objects.all().delete()
    row, people = pool(), [make_profile() for _ in range(PEOPLE)]
    free: list[str] = []
    spent: set[str] = set()
    held: dict[int, str] = {}
    for name, subject in operations:
        if name == "add":
            codes = sorted({f"CODE-{letter}" for letter in subject})
            new = [code for code in codes if code not in free and code not in spent]
            assert add_codes(row, codes, actor=TESTER) == len(new)
            free += new
        elif name == "forget":
            Code.objects.filter(key=people[subject].uuid).update(key=None)
            held.pop(subject, None)
        else:
            expected = held.get(subject) or (free[0] if free else None)
            with suppress(_Killed), transaction.atomic():
                assert give_code(row, people[subject], now=timezone.now()) == expected
                if name == "kill":
                    raise _Killed
            if name == "give" and expected and subject not in held:
                held[subject] = free.pop(0)
                spent.add(expected)
    stock = stock_of(row)
    assert (stock.free, stock.given) == (len(free), len(spent))


def test_many_workers_at_once_give_no_code_twice(committing_db: None) -> None:
    codes = [f"CODE-{number}" for number in range(8)]
    row, people = pool(*codes), [make_profile() for _ in range(12)]

    def give(number: int) -> str | None:
        try:
            with transaction.atomic():
                return give_code(row, people[number % len(people)], now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        answers = list(workers.map(give, range(48)))
    given_codes = Code.objects.filter(given_at__isnull=False)
    assert sorted(given_codes.values_list("text", flat=True)) == codes
    assert set(Counter(given_codes.values_list("key", flat=True)).values()) == {1}
    by_person: dict[int, set[str]] = {}
    for number, answer in enumerate(answers):
        if answer:
            by_person.setdefault(number % len(people), set()).add(answer)
    assert all(len(theirs) == 1 for theirs in by_person.values())


@database
def test_a_mail_says_the_code_that_the_step_before_gave() -> None:
    pool("SUN-1", "SUN-2")
    words = {
        "subject": "For you",
        "body": '<mj-text>Code {{ code.summer | none }}</mj-text><mj-button href="https://'
        'shop.example/?c={{ code.summer | }}">Go</mj-button>',
    }
    create_mail_template(key="gift", name="Gift", texts={"en": words, "fr": words}, actor=TESTER)
    publish(STEP, {"type": "mail", "template": "gift"})
    do("Signed Up", "ada")
    do("Signed Up", "bob")
    pass_time()
    bodies = {message.to[0]: message.body for message in mail.outbox}
    for user in ("ada", "bob"):
        code = code_of(user)
        assert f"Code {code}" in bodies[f"{user}@example.org"]
        assert f"https://shop.example/?c={code}" in bodies[f"{user}@example.org"]
    assert {code_of("ada"), code_of("bob")} == {"SUN-1", "SUN-2"}


@database
@pytest.mark.parametrize(
    ("on_empty", "state", "steps"),
    [
        ("go_on", ("done", ""), [("code", "no_code"), ("add_to_list", "acted")]),
        ("end", ("left", "check"), [("code", "no_code")]),
        ("wait", ("active", ""), []),
    ],
)
def test_an_empty_pool_lets_people_go_on_end_or_wait(
    on_empty: str, state: tuple[str, str], steps: Any
) -> None:
    create_list(key="guests", name="Guests", actor=TESTER)
    row = pool()
    publish({**STEP, "empty": on_empty}, {"type": "add_to_list", "list": "guests"})
    do("Signed Up")
    pass_time()
    assert (states(), decided()) == ([state], steps)
    add_codes(row, ["SUN-1"], actor=TESTER)
    pass_time(hours=2)
    assert code_of("ada") == ("SUN-1" if on_empty == "wait" else None)


@database
def test_after_its_time_a_pool_gives_nothing() -> None:
    pool("SUN-1", expires_at=timezone.now() - timedelta(minutes=1))
    publish({**STEP, "empty": "go_on"})
    do("Signed Up")
    pass_time()
    assert (decided(), code_of("ada")) == ([("code", "no_code")], None)


@database
def test_an_event_with_a_code_redeems_it_whoever_does_it() -> None:
    row = pool("SUN-1", "SUN-2", event="Order Completed", property="coupon")
    publish(STEP)
    do("Signed Up")
    pass_time()
    do("Order Completed", "eve", coupon="SUN-2")
    assert stock_of(row).redeemed == 0
    do("Order Completed", "bob", coupon="SUN-1")
    first = Code.objects.get(text="SUN-1").redeemed_at
    do("Order Completed", "eve", coupon="SUN-1")
    assert first is not None
    assert Code.objects.get(text="SUN-1").redeemed_at == first


@database
def test_a_merge_keeps_what_each_had_and_gives_no_third() -> None:
    row = pool("SUN-1", "SUN-2", "SUN-3")
    publish(STEP)
    do("Signed Up", "ada")
    do("Signed Up", "bob")
    pass_time()
    ada, bob = (
        Identifier.objects.get(namespace="user_id", value=value) for value in ("ada", "bob")
    )
    decide(NewDecision(DecisionVerdict.SAME, ada, bob, "seen by a steward"), actor=TESTER)
    person = profile_of("user_id:ada")
    rows = CodeData().read([person.pk])[person.pk]
    assert [each["code"] for each in rows] == ["SUN-1", "SUN-2"]
    with transaction.atomic():
        assert give_code(row, person, now=timezone.now()) == "SUN-1"
    assert stock_of(row).free == 1


@database
def test_an_erased_person_is_off_the_code_and_nobody_else_gets_it() -> None:
    row = pool("SUN-1")
    publish({**STEP, "empty": "go_on"})
    do("Signed Up")
    pass_time()
    open_request(
        NewRequest(kind="erasure", references=("user_id:ada",)), door="service", actor=TESTER
    )
    act_on_requests()
    assert not Profile.objects.filter(traits__first_name="Ada").exists()
    code = Code.objects.get()
    assert (code.key, code.given_at is None) == (None, False)
    assert add_codes(row, ["SUN-1"], actor=TESTER) == 0
    do("Signed Up", "bob")
    pass_time()
    assert code_of("bob") is None


@database
def test_new_codes_are_of_letters_that_do_not_look_alike() -> None:
    row = pool()
    assert generate_codes(row, count=500, length=8, prefix="SUN-", actor=TESTER) == 500
    texts = set(Code.objects.values_list("text", flat=True))
    assert len(texts) == 500
    assert {len(text) for text in texts} == {12}
    assert {sign for text in texts for sign in text.removeprefix("SUN-")} <= set(ALPHABET)
    with pytest.raises(SegmentError, match="From 8 to 24"):
        generate_codes(row, count=1, length=4, actor=TESTER)


@database
def test_a_pool_that_runs_low_is_said_on_the_home_page() -> None:
    row = pool("SUN-1", "SUN-2", alert_below=2)
    now = timezone.now()
    assert low_pools(now=now) == []
    do("Looked")
    with transaction.atomic():
        give_code(row, profile_of("user_id:ada"), now=now)
    assert low_pools(now=now) == [row]
    assert "fewer than 2 codes are free" in sign_in().get("/admin/").content.decode()


@database
def test_the_api_makes_a_pool_fills_it_and_tells_no_free_code() -> None:
    client, url = make_client("segments:read", "segments:write"), "/api/v1/code-pools/"
    assert client.post(url, {"key": "summer", "name": "Summer"}).status_code == 201
    assert client.post(url, {"key": "summer", "name": "Summer"}).status_code == 400
    half = client.post(url, {"key": "x", "name": "X", "event": "Order Completed"})
    assert half.json()["errors"][0]["path"] == "property"
    bad = client.post(f"{url}summer/add/", {"codes": ["SUN-1", "a b"]})
    assert bad.json()["errors"][0]["path"] == "codes[1]"
    assert client.post(f"{url}summer/add/", {"codes": ["SUN-1", "SUN-1"]}).json() == {"added": 1}
    assert client.post(f"{url}summer/generate/", {"count": 3}).json() == {"added": 3}
    body = client.get(f"{url}summer/")
    assert (body.json()["free"], body.json()["given"]) == (4, 0)
    assert "SUN-1" not in body.content.decode()


@database
def test_staff_fill_a_pool_and_see_the_codes_of_a_person() -> None:
    client = sign_in()
    fields = {"key": "summer", "name": "Summer", "alert_below": 0}
    assert client.post(reverse("admin:segments_codepool_add"), fields).status_code == 302
    row = CodePool.objects.get()
    url = reverse("admin:segments_codepool_add_codes", args=[row.pk])
    assert "a b" not in client.post(url, {"lines": "a b"}).headers.get("Location", "")
    assert client.post(url, {"lines": "SUN-1\nSUN-2\n"}).status_code == 302
    url = reverse("admin:segments_codepool_generate", args=[row.pk])
    client.post(url, {"count": 5, "length": 10, "begins": "SUN-"})
    assert stock_of(row).free == 7
    edit = reverse("admin:segments_codepool_edit", args=[row.pk])
    client.post(edit, {"name": "Sun", "alert_below": 9, "event": "Bought", "property": "code"})
    page = client.get(reverse("admin:segments_codepool_change", args=[row.pk]))
    assert "Fewer than 9 codes are free" in page.content.decode()
    do("Looked")
    person = profile_of("user_id:ada")
    with transaction.atomic():
        give_code(row, person, now=timezone.now())
    url = reverse("admin:profiles_profile_change", args=[person.pk])
    assert "SUN-1" in client.get(url).content.decode()
    assert "SUN-1" not in sign_in("marketer").get(url).content.decode()


@database
def test_a_step_or_a_field_with_an_unknown_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="No pool of codes has this key"):
        publish(STEP)
    words = {"subject": "x", "body": "<mj-text>{{ code.summer | }}</mj-text>"}
    with pytest.raises(ValueError, match="No pool of codes has the key summer"):
        create_mail_template(key="x", name="X", texts={"en": words, "fr": words}, actor=TESTER)
