"""A steward's day by the keyboard alone: twenty cases, a wrong merge, a verdict undone, a rule."""

from django.urls import reverse
from playwright.sync_api import Page

from profiles.models import IdentityCase, IdentityDecision, IdentityRule, RulesApplication
from profiles.services import run_applications
from tests.browser.chromium import needs_chromium
from tests.factories import profile_of, send_messages

CASES = 20
MOST_TABS = 150


def press_on(tab: Page, words: str) -> None:
    """Go from one thing to the next until one says these words, and press it."""
    for _ in range(MOST_TABS):
        tab.keyboard.press("Tab")
        focused = tab.evaluate(
            "(document.activeElement.ariaLabel || document.activeElement.innerText || '')"
        )
        if words in focused.strip():
            with tab.expect_navigation(wait_until="networkidle"):
                tab.keyboard.press("Enter")
            return
    raise AssertionError(f"No key leads to {words}.")


def write_into(tab: Page, name: str, text: str) -> None:
    """Go to a field and replace what is in it."""
    for _ in range(MOST_TABS):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.name") == name:
            tab.keyboard.press("Control+a")
            tab.keyboard.insert_text(text)
            return
    raise AssertionError(f"No key leads to the field {name}.")


def answer(tab: Page, key: str) -> None:
    place = tab.url
    tab.keyboard.press(key)
    tab.wait_for_url(lambda url: url != place)


@needs_chromium
def test_twenty_cases_are_looked_through_put_off_and_decided(tab: Page) -> None:
    for number in range(CASES):
        for user in ("a", "b"):
            traits = {"email": f"family-{number}@example.org", "city": "Lyon"}
            send_messages({"userId": f"{user}{number}", "traits": traits})
    first, second = IdentityCase.objects.order_by("-refusals", "-pk")[:2]
    tab.goto(reverse("admin:profiles_identitycase_change", args=[first.pk]))
    answer(tab, "j")
    assert str(second.pk) in tab.url
    answer(tab, "k")
    assert str(first.pk) in tab.url
    answer(tab, "l")
    first.refresh_from_db()
    assert (first.state, bool(first.postponed_at)) == ("open", True)
    for key in "mnr" * (CASES // 3) + "mn":
        answer(tab, key)
    assert not IdentityCase.objects.filter(state="open").exists()
    first.refresh_from_db()
    assert first.answer == "not_same", "What was put off comes last."
    verdicts = IdentityDecision.objects.values_list("verdict", flat=True)
    assert {each: [*verdicts].count(each) for each in ("same", "not_same", "related")} == {
        "same": 7,
        "not_same": 7,
        "related": 6,
    }


@needs_chromium
def test_a_wrong_merge_is_undone_from_the_link_that_made_it_and_the_verdict_too(tab: Page) -> None:
    send_messages({"userId": "u1", "anonymousId": "a-1", "traits": {"email": "ada@mail.fr"}})
    person = profile_of("user_id:u1")
    tab.goto(reverse("admin:profiles_profile_change", args=[person.pk]))
    press_on(tab, "Who is who")
    assert "What ties them together" in tab.content()
    press_on(tab, "Not the same person")
    write_into(tab, "reason", "a tablet in the shop")
    press_on(tab, "See what it would do")
    assert "People afterwards" in tab.content()
    assert not IdentityDecision.objects.exists()
    press_on(tab, "Decide so")
    decision = IdentityDecision.objects.prefetch_related("one", "other").get()
    sides = {profile_of(str(side)).pk for side in (decision.one, decision.other)}
    assert len(sides) == 2
    tab.goto(reverse("admin:profiles_profile_change", args=[person.pk]))
    press_on(tab, "Who is who")
    press_on(tab, "Undo")
    assert "So it would be" in tab.content()
    write_into(tab, "reason", "it was hers after all")
    press_on(tab, "Undo it")
    decision.refresh_from_db()
    assert decision.ended_at is not None
    assert profile_of(str(decision.one)) == profile_of(str(decision.other)) == person


@needs_chromium
def test_a_trait_is_corrected_in_its_place_and_left_to_the_sources_again(tab: Page) -> None:
    send_messages({"userId": "u1", "traits": {"birth_date": "1990-12-31", "visits": 3}})
    person = profile_of("user_id:u1")
    for text, visits in (("4", 4), ("", 3)):
        tab.goto(reverse("admin:profiles_profile_change", args=[person.pk]))
        tab.get_by_label("Correct: visits").press("Enter")
        field = tab.locator("#question [name=value]")
        field.wait_for()
        assert field.evaluate("field => field === document.activeElement"), "Keys lead on."
        assert field.get_attribute("type") == "number"
        if text:
            field.fill(text)
        else:
            tab.locator("#question [name=type]").select_option("unlocked")
        write_into(tab, "reason", "they said so")
        press_on(tab, "Correct and lock")
        assert profile_of("user_id:u1").traits["visits"] == visits


@needs_chromium
def test_an_edge_of_the_picture_leads_to_the_form_that_parts_its_two_ends(tab: Page) -> None:
    send_messages({"userId": "u1", "traits": {"email": "ada@mail.fr"}})
    person = profile_of("user_id:u1")
    tab.goto(reverse("admin:profiles_profile_change", args=[person.pk]))
    press_on(tab, "Seen together 1 time")
    assert "ada@mail.fr" not in tab.url
    values = {tab.input_value("[name=other]"), tab.locator("[name=one] :checked").inner_text()}
    assert values == {"user_id:u1", "email:ada@mail.fr"}


@needs_chromium
def test_a_rule_is_tried_on_all_that_happened_and_applied(tab: Page) -> None:
    for domain in ("x.org", "y.org"):
        send_messages({"userId": "u1", "traits": {"email": f"ada@{domain}"}})
    tab.goto(reverse("admin:profiles_rulesapplication_try"))
    text = tab.input_value("[name=rules]")
    other = text.replace("count: 5\n    days: 365", "count: 1\n    days: 365", 1)
    write_into(tab, "rules", other)
    write_into(tab, "reason", "nobody has two addresses")
    press_on(tab, "See what they would do")
    assert "People who are parted" in tab.content()
    assert IdentityRule.objects.get(namespace="email").limit_count == 5
    press_on(tab, "Apply these rules")
    run_applications()
    assert RulesApplication.objects.get().state == "done"
    assert profile_of("email:ada@y.org") != profile_of("user_id:u1")
    tab.goto(reverse("admin:profiles_identityrulesversion_changelist"))
    assert "nobody has two addresses" in tab.content()
