"""Retention: what goes when no purpose keeps it, and that all that is derived is right after it."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from consent.lib import checkpoints
from consent.models import Purpose, RetentionForecast, RetentionRule, RetentionRun
from consent.services import (
    ForecastOutdated,
    InvalidRule,
    NewHold,
    RuleTerms,
    apply_daily_retention,
    apply_retention,
    approve_rule,
    change_rule,
    create_rule,
    forecast_of_person,
    make_forecast,
    place_hold,
)
from profiles.identity.verify import find_drift
from profiles.lib.checkpoints import handled
from profiles.models import Event, EventStat, Profile, SourceRecord
from segments.models import Delivery, MembershipChange
from segments.services import (
    create_webhook,
    refresh_changed,
    unknown_words,
    verify_memberships,
)
from tests.admin import sign_in
from tests.consent.callers import BASE, service
from tests.consent.retention_rules import (
    NOW,
    ORDER,
    VIEW,
    approve,
    days_ago,
    events_left,
    make_buyers,
    make_rule,
    say,
    track,
)
from tests.factories import TESTER, make_purpose, profile_of, send_messages
from tests.oracles.retention import NaivePerson

pytestmark = pytest.mark.django_db


def test_events_go_once_their_period_has_passed() -> None:
    send_messages(*(track("ada", VIEW, days_ago(days)) for days in (10, 29.9, 30, 400)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    assert sum(apply_retention(now=NOW).values()) == 2
    assert events_left() == {VIEW: 2}
    assert EventStat.objects.get().count == 2
    assert apply_retention(now=NOW) == {}


def test_what_another_purpose_keeps_stays() -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    make_rule(make_purpose("contract", legal_basis="contract"), "P1Y")
    assert apply_retention(now=NOW) == {}
    assert sum(apply_retention(now=NOW + timedelta(days=300)).values()) == 1


def test_data_without_a_rule_are_never_deleted() -> None:
    send_messages(track("ada", VIEW, days_ago(3000)), track("ada", ORDER, days_ago(3000)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    apply_retention(now=NOW)
    assert events_left() == {ORDER: 1}


def test_a_withdrawn_consent_keeps_its_data_for_the_grace_only() -> None:
    make_purpose("newsletter")
    send_messages(track("ada", VIEW, days_ago(50)))
    say("ada", NaivePerson(), [(60, True, None)])
    make_rule(Purpose.objects.get(), "P2Y", grace="P14D")
    assert apply_retention(now=NOW) == {}
    say("ada", NaivePerson(), [(10, False, None)])
    assert apply_retention(now=NOW) == {}
    assert sum(apply_retention(now=NOW + timedelta(days=4)).values()) == 1


def test_an_expired_consent_counts_from_when_it_expired() -> None:
    make_purpose("newsletter")
    send_messages(track("ada", VIEW, days_ago(50)))
    say("ada", NaivePerson(), [(60, True, 40)])
    make_rule(Purpose.objects.get(), "P2Y", grace="P30D")
    assert apply_retention(now=NOW) == {}
    assert sum(apply_retention(now=NOW + timedelta(days=10)).values()) == 1


def test_a_rule_deletes_nothing_before_somebody_has_seen_what_it_will_delete() -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    purpose = make_purpose("stats", legal_basis="legitimate_interest")
    rule = make_rule(purpose, "P30D", is_approved=False)
    assert apply_retention(now=NOW) == {}
    now = timezone.now()
    forecast = make_forecast(at=NOW, now=now)
    assert [(unit["rows"], unit["is_approved"]) for unit in forecast.units] == [(1, False)]
    change_rule(rule, terms=RuleTerms(period="P60D"), actor=TESTER, now=now)
    with pytest.raises(ForecastOutdated):
        approve_rule(rule, forecast=forecast, actor=TESTER, now=now)
    fresh = make_forecast(at=NOW, now=now)
    with pytest.raises(ForecastOutdated):
        approve_rule(rule, forecast=fresh, actor=TESTER, now=now + timedelta(days=2))
    approve_rule(rule, forecast=fresh, actor=TESTER, now=now)
    assert sum(apply_retention(now=NOW).values()) == 1


def test_a_changed_rule_stops_its_unit_until_it_is_approved_again() -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    rule = make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    change_rule(rule, terms=RuleTerms(period="P20D"), actor=TESTER, now=timezone.now())
    assert apply_retention(now=NOW) == {}


def test_an_ended_rule_keeps_nothing_once_that_is_approved() -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    longer = make_rule(make_purpose("contract", legal_basis="contract"), "P1Y")
    ended = RuleTerms(period="P1Y", is_ended=True)
    change_rule(longer, terms=ended, actor=TESTER, now=timezone.now())
    assert apply_retention(now=NOW) == {}
    approve(longer)
    assert sum(apply_retention(now=NOW).values()) == 1


def test_traits_and_corrections_of_a_category_go_and_golden_values_follow() -> None:
    old, new = days_ago(100).isoformat(), days_ago(5).isoformat()
    send_messages(
        {"userId": "ada", "traits": {"city": "Lyon", "diagnosis": "flu"}, "timestamp": old},
        {"userId": "ada", "traits": {"city": "Brest"}, "timestamp": new},
    )
    make_rule(make_purpose("care", legal_basis="contract"), "P30D", unit="special")
    make_rule(Purpose.objects.get(), "P30D", unit="ordinary")
    assert apply_retention(now=NOW) == {"traits special": 1}
    ada = profile_of("user_id:ada")
    assert ada.traits == {"city": "Brest"}
    assert set(SourceRecord.objects.get().traits) == {"city"}
    assert list(find_drift()) == []


def test_the_end_of_the_relation_is_the_last_order() -> None:
    send_messages(track("ada", ORDER, days_ago(400)), track("ada", VIEW, days_ago(500)))
    send_messages(track("ada", "Logged In", days_ago(1)))
    purpose = make_purpose("contract", legal_basis="contract")
    make_rule(purpose, "P1Y", anchor="last_order")
    assert sum(apply_retention(now=NOW).values()) == 1
    assert events_left() == {ORDER: 1, "Logged In": 1}


def test_last_seen_keeps_everything_while_somebody_comes() -> None:
    send_messages(track("ada", VIEW, days_ago(900)), track("ada", ORDER, days_ago(20)))
    make_rule(make_purpose("contract", legal_basis="contract"), "P1Y", anchor="last_seen")
    assert apply_retention(now=NOW) == {}
    assert sum(apply_retention(now=NOW + timedelta(days=350)).values()) == 1


def test_restricted_people_and_what_a_hold_names_are_left_alone() -> None:
    for user in ("ada", "bob", "grace"):
        send_messages(track(user, VIEW, days_ago(100)))
    Profile.objects.filter(pk=profile_of("user_id:bob").pk).update(is_restricted=True)
    hold = NewHold(
        references=["user_id:grace"],
        scope={"events": [VIEW]},
        ground="authority",
        reason="An order",
        review_on=timezone.now().date() + timedelta(days=9),
    )
    place_hold(hold, actor=TESTER, now=timezone.now())
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    assert sum(apply_retention(now=NOW).values()) == 1
    left = set(Event.objects.values_list("profile_id", flat=True))
    assert left == {profile_of("user_id:bob").pk, profile_of("user_id:grace").pk}


def test_segments_are_left_with_the_reason_that_data_outlived_their_time() -> None:
    send_messages(track("ada", ORDER, days_ago(100)))
    make_buyers()
    refresh_changed()
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D", unit=ORDER)
    apply_retention(now=NOW)
    refresh_changed()
    last = MembershipChange.objects.order_by("-id").first()
    assert last is not None
    assert (last.has_entered, last.reason) == (False, "retention")
    assert verify_memberships() == {"buyers": 0}


def test_receivers_are_told_of_the_exit() -> None:
    purpose = make_purpose("stats", legal_basis="legitimate_interest")
    buyers = make_buyers(purpose=purpose)
    create_webhook(
        name="Shop",
        url="https://shop.example/hooks",
        events=["segment.entered", "segment.exited"],
        segments=[buyers],
        actor=TESTER,
    )
    send_messages(track("ada", ORDER, days_ago(100)))
    refresh_changed()
    make_rule(purpose, "P30D", unit=ORDER)
    apply_retention(now=NOW)
    refresh_changed()
    told = Delivery.objects.order_by("pk").values_list("event", flat=True)
    assert list(told) == ["segment.entered", "segment.exited"]


def test_a_run_that_is_killed_goes_on_and_two_at_once_come_to_the_same() -> None:
    for user in ("ada", "bob"):
        send_messages(track(user, VIEW, days_ago(100, timezone.now())))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")

    def fail(_: object) -> None:
        raise RuntimeError("killed")

    with handled(checkpoints.EXPIRING, fail), pytest.raises(RuntimeError):
        apply_daily_retention()
    assert events_left() == {VIEW: 2}
    # The lease of the run that was killed stands: nobody else works on it yet.
    assert apply_daily_retention() == {}
    RetentionRun.objects.update(leased_until=timezone.now())
    assert sum(apply_daily_retention().values()) == 2
    assert apply_daily_retention() == {}
    run = RetentionRun.objects.get()
    assert run.finished_at is not None


def test_a_person_can_be_forecast_alone() -> None:
    send_messages(track("ada", VIEW, days_ago(100)), track("bob", VIEW, days_ago(1)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    [unit] = forecast_of_person(profile_of("user_id:ada").pk, at=NOW)
    assert (unit["title"], unit["rows"]) == (VIEW, 1)
    assert forecast_of_person(profile_of("user_id:bob").pk, at=NOW) == []


def test_the_command_counts_first_and_deletes_nothing_ahead_of_time() -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    out = StringIO()
    call_command("apply_retention", "--dry-run", "--at", "2099-01-01", stdout=out)
    assert "Product Viewed: 1 of 1" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("apply_retention", "--at", "2099-01-01")
    assert events_left() == {VIEW: 1}
    call_command("apply_retention", "--at", NOW.isoformat(), stdout=out)
    assert events_left() == {}
    assert RetentionForecast.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"event": VIEW, "terms": RuleTerms(period="soon")}, "period"),
        ({"event": VIEW, "terms": RuleTerms(period="P1Y", anchor="birth")}, "anchor"),
        ({"event": "Never Seen", "terms": RuleTerms(period="P1Y")}, "event"),
        ({"terms": RuleTerms(period="P1Y")}, "event"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(fields: dict[str, Any], path: str) -> None:
    send_messages(track("ada", VIEW, days_ago(100)))
    purpose = make_purpose()
    with pytest.raises(InvalidRule) as refusal:
        create_rule(purpose=purpose, actor=TESTER, now=timezone.now(), **fields)
    assert refusal.value.path == path


def test_the_api_makes_forecasts_and_approves_rules() -> None:
    send_messages(track("ada", VIEW, days_ago(100, timezone.now())))
    make_purpose("stats", legal_basis="legitimate_interest")
    client, url = service("privacy:admin"), f"{BASE}/privacy/retention/"
    body = {"event": VIEW, "purpose": "stats", "period": "P30D"}
    rule = client.post(url, body, format="json").json()
    assert (rule["version"], rule["approved_version"], rule["grace"]) == (1, 0, "P30D")
    early = client.post(f"{url}forecast/", {}, format="json").json()
    changed = client.patch(f"{url}{rule['id']}/", {"period": "P20D"}, format="json").json()
    assert (changed["version"], changed["period"]) == (2, "P20D")
    approve_url = f"{url}{rule['id']}/approve/"
    outdated = client.post(approve_url, {"forecast": early["id"]}, format="json")
    assert (outdated.status_code, outdated.json()["errors"][0]["code"]) == (
        409,
        "forecast_outdated",
    )
    forecast = client.post(f"{url}forecast/", {}, format="json").json()
    assert [(unit["title"], unit["rows"]) for unit in forecast["units"]] == [(VIEW, 1)]
    approved = client.post(approve_url, {"forecast": forecast["id"]}, format="json").json()
    assert approved["approved_version"] == 2
    assert sum(apply_daily_retention().values()) == 1
    assert client.delete(f"{url}{rule['id']}/").status_code == 204
    assert client.get(f"{url}{rule['id']}/").json()["is_ended"] is True
    unassigned = client.get(f"{url}unassigned/").json()
    assert "ordinary" in unassigned["categories"]
    archives = {"store": "Archives made for the person", "days": 7}
    assert archives | {"setting": "ACCESS_ARCHIVE_DAYS"} in unassigned["stores"]
    again = client.post(url, body, format="json")
    assert (again.status_code, again.json()["errors"][0]["path"]) == (400, "purpose")


def test_an_officer_makes_a_rule_sees_what_it_deletes_and_approves_it() -> None:
    send_messages(track("ada", VIEW, days_ago(100, timezone.now())))
    purpose = make_purpose("stats", legal_basis="legitimate_interest")
    officer, name = sign_in("privacy officer"), Event.objects.get().name
    fields = {"purpose": purpose.pk, "event": name.pk, "period": "P30D", "anchor": "data"}
    add = reverse("admin:consent_retentionrule_add")
    refused = officer.post(add, fields | {"period": "soon", "grace": "P1D"})
    assert "such as P13M" in refused.content.decode()
    officer.post(add, fields | {"grace": "P30D"})
    rule = RetentionRule.objects.get()
    page = reverse("admin:consent_retentionrule_forecast")
    assert "Nobody has counted yet" in officer.get(page).content.decode()
    officer.post(page)
    assert "Rows: 1, people: 1" in officer.get(page).content.decode()
    approval = reverse("admin:consent_retentionrule_approve", args=[rule.pk])
    officer.post(approval, {"forecast": "nonsense"})
    rule.refresh_from_db()
    assert not rule.is_approved
    officer.post(approval, {"forecast": str(RetentionForecast.objects.get().pk)})
    rule.refresh_from_db()
    assert rule.is_approved
    ada = profile_of("user_id:ada").pk
    page = officer.get(reverse("admin:profiles_profile_change", args=[ada])).content.decode()
    assert "Deleted by tomorrow" in page
    # The numbers come after the page.
    section = reverse("admin:profiles_profile_section", args=[ada, "retention"])
    assert section in page
    assert "Product Viewed" in officer.get(section).content.decode()
    assert sign_in("marketer").get(section).status_code == 404
    assert sign_in("marketer").post(approval).status_code == 403


def test_the_segment_builder_says_that_ever_means_within_retention() -> None:
    send_messages(track("ada", ORDER, days_ago(100)))
    ever = {"type": "event", "name": ORDER, "operator": "gte", "value": 1}
    assert unknown_words(ever) == []
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P2Y", unit=ORDER)
    [warning] = unknown_words(ever)
    assert (warning.path, warning.code) == ("name", "within_retention")
    assert "P2Y" in warning.detail
    assert unknown_words(ever | {"window": {"last": {"days": 30}}}) == []


def test_a_month_in_which_everything_went_gives_its_space_back() -> None:
    long_ago = days_ago(200)
    send_messages(track("ada", VIEW, long_ago), track("ada", ORDER, days_ago(150)))
    make_rule(make_purpose("stats", legal_basis="legitimate_interest"), "P30D")
    apply_retention(now=NOW)
    emptied = RetentionRun.objects.get().emptied
    assert f"profiles_event_{long_ago:%Y_%m}" in emptied
    assert f"profiles_event_{days_ago(150):%Y_%m}" not in emptied
    send_messages(track("bob", VIEW, long_ago))
    assert events_left() == {VIEW: 1, ORDER: 1}
