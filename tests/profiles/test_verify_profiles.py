"""verify_profiles reports every kind of drift, and nothing where there is none."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import NotSupportedError, connection, transaction
from psycopg import sql

from profiles.identity import verify
from profiles.identity.verify import find_drift
from profiles.lib.people_lock import people_lock
from profiles.models import (
    EventStat,
    Identifier,
    IdentityRule,
    Profile,
    Source,
    SourceRecord,
    TrustLevel,
)
from profiles.services import identify, rectify
from tests import cluster
from tests.factories import TESTER, make_source, profile_of, send_messages
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db


def make_history() -> None:
    """Make profiles that were joined, refused, taken over and corrected."""
    send_messages(
        {"userId": "u1", "traits": {"email": "ada@example.org", "city": "Lyon"}}, source="crm"
    )
    send_messages({"anonymousId": "a1", "traits": {"phone": "+33612345678"}}, source="web", trust=1)
    send_messages(
        {"anonymousId": "a2", "userId": "u2", "traits": {"email": "eve@example.org"}}, trust=1
    )
    send_messages({"userId": "u1", "anonymousId": "a1"})
    send_messages({"userId": "u3", "traits": {"email": "eve@example.org"}})
    send_messages(
        {"userId": "u9", "anonymousId": "a1", "traits": {"email": "ada@example.org"}}, trust=1
    )
    send_messages(
        {
            "type": "track",
            "userId": "u1",
            "event": "Order Completed",
            "properties": {"revenue": 9.9},
        },
        {"type": "track", "anonymousId": "a1", "event": "Order Completed"},
    )
    profile = profile_of("user_id:u1")
    rectify(profile.pk, {"city": "Rome"}, actor=TESTER, reason="test")


def kinds() -> set[str]:
    return {drift.kind for drift in find_drift()}


def test_people_as_the_drain_makes_them_show_no_drift() -> None:
    make_history()
    assert list(find_drift()) == []
    output = StringIO()
    call_command("verify_profiles", stdout=output)
    assert output.getvalue() == f"No drift in {Profile.objects.count()} profiles.\n"


def damage_rows(table: str, assignment: str, condition: str = "true") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("UPDATE {} SET {} WHERE {}").format(
                sql.Identifier(table), sql.SQL(assignment), sql.SQL(condition)
            )
        )
        assert cursor.rowcount


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (
            lambda: Identifier.objects.filter(value="a1").update(profile=profile_of("user_id:u3")),
            "holds other identifiers than its facts give",
        ),
        (
            lambda: Identifier.objects.filter(value="eve@example.org").update(profile=None),
            "held by nobody, where its facts say otherwise, or the reverse",
        ),
        (
            lambda: Identifier.objects.filter(value="u1").update(is_vouched=False),
            "vouched for, or held since, otherwise than its facts say",
        ),
        (
            lambda: Identifier.objects.filter(value="u1").update(since=date(2020, 1, 1)),
            "vouched for, or held since, otherwise than its facts say",
        ),
        (
            lambda: Identifier.objects.filter(value="a1").update(component=1),
            "identifiers of more than one component",
        ),
        (
            lambda: Identifier.objects.filter(value=str(profile_of("user_id:u1").uuid)).update(
                profile=profile_of("user_id:u3")
            ),
            "does not hold its own public UUID",
        ),
        (
            lambda: Profile.objects.filter(pk=profile_of("user_id:u1").pk).update(
                traits={"city": "Lyon"}
            ),
            "traits differ from what sources say",
        ),
        (
            lambda: SourceRecord.objects.update(profile=profile_of("user_id:u3")),
            "source records with another profile than their identifier",
        ),
        (
            lambda: EventStat.objects.update(count=3),
            "statistics differ from the events",
        ),
        (
            lambda: EventStat.objects.all().delete(),
            "statistics differ from the events",
        ),
        (
            lambda: damage_rows("profiles_eventstat", "profile_id = -1"),
            "statistics of a profile that does not exist",
        ),
        (
            lambda: damage_rows("profiles_event", "profile_id = -1"),
            "events with another profile than their identifier",
        ),
        (
            lambda: damage_rows(
                "profiles_traitlock",
                "identifier_id = (SELECT min(id) FROM profiles_identifier WHERE value = 'u3')",
            ),
            "rectifications with another profile than their identifier",
        ),
    ],
)
def test_every_kind_of_drift_is_found_and_named(damage: Callable[[], object], kind: str) -> None:
    make_history()
    try:
        damage()
    except NotSupportedError:
        assert cluster.is_asked_for
        pytest.skip("a cluster itself refuses that a row goes to another person")
    assert kind in kinds()


def test_the_command_prints_the_drift_without_personal_data_and_exits_with_1() -> None:
    make_history()
    Identifier.objects.filter(value="ada@example.org").update(is_vouched=False)
    output = StringIO()
    with pytest.raises(SystemExit) as exit_info:
        call_command("verify_profiles", stdout=output)
    assert exit_info.value.code == 1
    assert "1 × vouched for" in output.getvalue()
    assert "ada" not in without_ids(output.getvalue())


def test_an_identifier_quarantined_as_everybodys_does_not_tie_components_together() -> None:
    for number in range(25):
        send_messages({"userId": f"u{number}", "traits": {"phone": "+33612345678"}})
    assert Identifier.objects.get(namespace="phone").quarantined_at
    for number in range(30, 33):
        send_messages({"userId": f"u{number}", "traits": {"phone": "+33612345678"}})
    assert list(find_drift()) == []


def test_batches_split_people_without_finding_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "COMPONENTS_PER_BATCH", 1)
    monkeypatch.setattr(verify, "PROFILES_PER_BATCH", 1)
    make_history()
    for number in range(25):
        send_messages({"userId": f"v{number}", "traits": {"phone": "+33612345679"}})
    assert list(find_drift()) == []


def test_a_fact_that_names_a_public_uuid_is_replayed() -> None:
    send_messages({"anonymousId": "a1"}, trust=TrustLevel.CLAIM)
    profile = profile_of("anonymous_id:a1")
    with transaction.atomic():
        people_lock()
        identify(
            [f"profile:{profile.uuid}", "email:ada@example.org"],
            source=make_source(key="desk"),
            trust=TrustLevel.STAFF,
            now=datetime.now(UTC),
        )
    assert profile_of("email:ada@example.org") == profile
    assert list(find_drift()) == []


def test_a_changed_rule_moves_nobody_whom_former_rules_joined() -> None:
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}})
    send_messages({"userId": "u1", "traits": {"email": "ada@example.net"}})
    IdentityRule.objects.filter(namespace="email").update(limit_count=1, limit_days=None)
    assert kinds() == set()
    # Facts to come are judged by the new one, and replayed by it.
    send_messages({"userId": "u2", "traits": {"email": "eve@example.org"}})
    send_messages({"userId": "u2", "traits": {"email": "eve@example.net"}})
    assert profile_of("user_id:u2").identifiers.filter(namespace="email").count() == 1
    assert profile_of("user_id:u1").identifiers.filter(namespace="email").count() == 2
    assert kinds() == set()


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_replay_the_same_while_staff_change_the_rules(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(25):
        send_messages(random_message(dice), source="shop", trust=dice.choice([1, 2, 2]))
        if dice.random() < 0.3:
            rules = IdentityRule.objects.filter(namespace=dice.choice(["email", "anonymous_id"]))
            rules.update(limit_count=dice.randint(1, 6), limit_days=dice.choice([None, 7]))
        if dice.random() < 0.1:
            Source.objects.filter(key="shop").update(joins_people=dice.choice([True, False]))
    assert kinds() == set()


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_drained_in_chunks_replay_to_the_same_people(seed: int) -> None:
    dice = random.Random(seed)
    Source.objects.create(key="kiosk", name="Kiosk", joins_people=True)
    for _ in range(25):
        send_messages(
            *(random_message(dice) for _ in range(dice.randint(1, 4))),
            source=dice.choice(["shop", "crm", "kiosk"]),
            trust=dice.choice([1, 2, 2]),
        )
    assert list(find_drift()) == []


def random_message(dice: random.Random) -> dict[str, object]:
    traits = {"city": dice.choice(["Lyon", "Rome", None])}
    if dice.random() < 0.5:
        traits["email"] = f"e{dice.randint(1, 6)}@example.org"
    if dice.random() < 0.3:
        traits["phone"] = f"+3361234567{dice.randint(1, 4)}"
    ids = {"anonymousId": f"a{dice.randint(1, 9)}", "userId": f"u{dice.randint(1, 5)}"}
    kept = dice.choice([["anonymousId"], ["userId"], ["anonymousId", "userId"]])
    message: dict[str, object] = {key: ids[key] for key in kept}
    if dice.random() < 0.3:
        return message | {"type": "track", "event": "Viewed", "properties": {"revenue": 1.5}}
    return message | {"traits": traits}
