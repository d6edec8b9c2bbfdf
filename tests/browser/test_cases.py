"""A steward answers a day's cases by the keyboard alone."""

from itertools import cycle

from django.urls import reverse
from playwright.sync_api import Page

from profiles.models import IdentityCase, IdentityDecision
from tests.browser.chromium import needs_chromium
from tests.factories import send_messages

CASES = 20
ANSWERS = {"n": "not_same", "r": "related", "d": "left", "b": "blocked", "m": "same"}


@needs_chromium
def test_twenty_cases_are_answered_by_keys_and_each_does_what_it_says(tab: Page) -> None:
    for number in range(CASES):
        for user in ("a", "b"):
            traits = {"email": f"family-{number}@example.org", "city": "Lyon"}
            send_messages({"userId": f"{user}{number}", "traits": traits})
    first = IdentityCase.objects.order_by("-refusals", "-pk")[0]
    tab.goto(reverse("admin:profiles_identitycase_change", args=[first.pk]))
    assert "20 wait for an answer." in tab.content()
    for key, _ in zip(cycle(ANSWERS), range(CASES), strict=False):
        place = tab.url
        tab.keyboard.press(key)
        tab.wait_for_url(lambda url, place=place: url != place)
    assert not IdentityCase.objects.filter(state="open").exists()
    given = IdentityCase.objects.values_list("answer", flat=True)
    assert sorted(given) == sorted([*ANSWERS.values()] * (CASES // len(ANSWERS)))
    verdicts = IdentityDecision.objects.values_list("verdict", flat=True)
    assert sorted(set(verdicts)) == ["not_same", "related", "same"]
