"""What public claims cannot do to a person that a server knows: through the drain, as rows."""

from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from profiles.identity.verify import find_drift
from profiles.models import Event, Identifier, IdentityOutcome, Profile, TrustLevel
from profiles.services import settle_quarantines
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_source, profile_of, send_messages
from tests.profiles.audited_rows import quarantined_of_old
from tests.tries import tries

pytestmark = pytest.mark.django_db
CLAIM, SERVER = TrustLevel.CLAIM, TrustLevel.SERVER
ADA = "ada@example.net"
URL = "/api/v1/identity/quarantines/"


def claim(*messages: dict[str, Any]) -> None:
    send_messages(*messages, source="web", trust=CLAIM)


def named(**fields: Any) -> dict[str, Any]:
    """A message that names a person by the given identifiers."""
    traits = {key: fields.pop(key) for key in ("email", "phone", "city") if key in fields}
    return fields | ({"traits": traits} if traits else {})


def is_quarantined(namespace: str, value: str) -> bool:
    return Identifier.objects.filter(
        namespace=namespace, value=value, quarantined_at__isnull=False
    ).exists()


def devices_of(reference: str) -> set[str]:
    rows = profile_of(reference).identifiers.filter(namespace="anonymous_id")
    return set(rows.values_list("value", flat=True))


def test_what_an_older_version_quarantined_gets_a_profile_of_its_own() -> None:
    number = quarantined_of_old()
    assert number.profile_id == profile_of("user_id:c-0").pk
    assert settle_quarantines(actor=TESTER) == 1
    number.refresh_from_db()
    assert number.profile_id != profile_of("user_id:c-0").pk
    assert settle_quarantines(actor=TESTER) == 0


@pytest.fixture
def ada() -> Profile:
    send_messages(named(userId="u1", email=ADA, city="Lyon"))
    return profile_of("user_id:u1")


@pytest.fixture(autouse=True)
def nothing_drifts() -> Any:
    """After each story a replay of all facts gives the very same people."""
    yield
    assert list(find_drift()) == []


def test_thirty_claims_do_not_quarantine_a_vouched_address(ada: Profile) -> None:
    claim(*(named(userId=f"fake-{number}", email=ADA) for number in range(30)))
    assert IdentityOutcome.objects.filter(rule="trust").count() >= 30
    assert not is_quarantined("email", ADA)
    send_messages(named(email=ADA, anonymousId="real"))
    assert profile_of("anonymous_id:real") == ada


@settings(max_examples=tries(8), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["userId", "email", "phone"]),
    st.sampled_from(["email", "userId"]),
    st.integers(25, 60),
)
@example("userId", "email", 30)
def test_no_number_of_refused_claims_quarantines_what_is_vouched(
    newcomer: str, target: str, times: int
) -> None:
    value = f"{newcomer}{target}{times}".lower()
    owner = {"userId": f"owner-{value}", "email": f"{value}@example.net"}
    send_messages(named(**owner))
    spellings = {
        "userId": lambda n: {"userId": f"{value}-{n}"},
        "email": lambda n: {"email": f"{value}-{n}@example.net"},
        "phone": lambda n: {"phone": f"+3361{times:02d}{n:05d}"},
    }
    wanted = {target: owner[target]}
    claim(
        *(
            named(**(spellings[newcomer](number) | wanted), anonymousId=f"{value}-d{number}")
            for number in range(times)
        )
    )
    namespace = "user_id" if target == "userId" else "email"
    assert not is_quarantined(namespace, owner[target])


def test_five_claims_do_not_use_up_the_devices_of_a_customer(ada: Profile) -> None:
    claim(*(named(userId="u1", anonymousId=f"fake-{number}") for number in range(5)))
    assert len(devices_of("user_id:u1")) == 5
    send_messages(named(userId="u1", anonymousId="real"))
    devices = devices_of("user_id:u1")
    assert "real" in devices
    assert len(devices) == 5
    # The oldest claim made room, and lives on by itself with what it did.
    assert IdentityOutcome.objects.filter(rule="pushed_out").count() == 1
    gone = IdentityOutcome.objects.get(rule="pushed_out").identifier
    assert gone.profile_id not in (None, ada.pk)


def test_a_device_that_is_pushed_out_takes_its_events_and_traits_along(ada: Profile) -> None:
    fakes = [named(userId="u1", anonymousId=f"fake-{n}", city=f"City {n}") for n in range(5)]
    claim(*fakes)
    claim({"type": "track", "event": "Viewed", "anonymousId": "fake-0"})
    send_messages(named(userId="u1", anonymousId="real"))
    event = Event.objects.get(name__name="Viewed")
    assert event.profile_id == profile_of("anonymous_id:fake-0").pk != ada.pk


def test_a_claim_over_the_limit_is_refused_and_stays_by_itself(ada: Profile) -> None:
    claim(*(named(userId="u1", anonymousId=f"a-{number}") for number in range(5)))
    claim(named(userId="u1", anonymousId="late", city="Nowhere"))
    late = profile_of("anonymous_id:late")
    assert late != ada
    assert late.traits["city"] == "Nowhere"
    assert "late" not in devices_of("user_id:u1")
    # Vouched devices are pushed out by nobody.
    send_messages(*(named(userId="u1", anonymousId=f"till-{number}") for number in range(5)))
    assert devices_of("user_id:u1") == {f"till-{number}" for number in range(5)}


@pytest.mark.parametrize("is_vouched", [True, False])
def test_five_thousand_devices_do_not_write_their_traits_into_one_profile(
    is_vouched: bool,
) -> None:
    send_messages(named(email=ADA), trust=SERVER if is_vouched else CLAIM)
    for start in range(0, 5000, 500):
        claim(
            *(
                {"anonymousId": f"d-{number}", "traits": {"email": ADA, f"t{number}": 1}}
                for number in range(start, start + 500)
            )
        )
    profile = profile_of(f"email:{ADA}")
    assert len(profile.traits) <= 10
    assert len(devices_of(f"email:{ADA}")) == 5
    assert Profile.objects.count() >= 4995


def test_a_quarantined_device_feeds_nobody_from_then_on() -> None:
    send_messages(named(userId="u0", anonymousId="kiosk"))
    first = profile_of("user_id:u0")
    send_messages(*(named(userId=f"u{number}", anonymousId="kiosk") for number in range(1, 25)))
    assert is_quarantined("anonymous_id", "kiosk")
    kiosk = profile_of("anonymous_id:kiosk")
    assert kiosk != first
    claim({"type": "track", "event": "Viewed", "anonymousId": "kiosk"})
    assert Event.objects.get(name__name="Viewed").profile_id == kiosk.pk
    send_messages(named(userId="u0", anonymousId="kiosk"))
    assert "kiosk" not in devices_of("user_id:u0")


def quarantine_kiosk() -> None:
    send_messages(*(named(userId=f"u{number}", anonymousId="kiosk") for number in range(25)))
    assert is_quarantined("anonymous_id", "kiosk")


def test_a_service_sees_and_releases_a_quarantine() -> None:
    quarantine_kiosk()
    client = make_client("profiles:read", "profiles:write")
    [row] = client.get(URL).json()["results"]
    assert (row["namespace"], row["value"]) == ("anonymous_id", "kiosk")
    assert make_client("profiles:read").post(f"{URL}{row['id']}/release/").status_code == 403
    body = {"reason": "It is one person's tablet."}
    answer = client.post(f"{URL}{row['id']}/release/", body)
    assert (answer.status_code, answer.json()["quarantined_at"]) == (200, None)
    assert client.post(f"{URL}{row['id']}/release/", body).status_code == 404
    assert client.get(URL).json()["results"] == []
    assert list(find_drift()) == []
    # From now on facts may use it, and those who wanted it before do not count.
    send_messages(named(userId="u99", anonymousId="kiosk"))
    assert profile_of("anonymous_id:kiosk") == profile_of("user_id:u99")


def test_a_released_identifier_can_be_quarantined_again() -> None:
    quarantine_kiosk()
    client = make_client()
    [row] = client.get(URL).json()["results"]
    client.post(f"{URL}{row['id']}/release/", {"reason": "A tablet."})
    send_messages(*(named(userId=f"v{number}", anonymousId="kiosk") for number in range(25)))
    assert is_quarantined("anonymous_id", "kiosk")


def test_staff_release_a_quarantine_and_a_marketer_does_not() -> None:
    quarantine_kiosk()
    outcome = IdentityOutcome.objects.get(rule="quarantine")
    url = reverse("admin:profiles_identityoutcome_changelist")
    body = {"action": "release", "_selected_action": [outcome.pk]}
    for role in ("marketer", "auditor"):
        sign_in(role).post(url, body)
        assert is_quarantined("anonymous_id", "kiosk")
    sign_in("steward").post(url, body)
    assert not is_quarantined("anonymous_id", "kiosk")


@settings(max_examples=tries(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x1", "x2", None]),
            st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6", "k7"]),
            st.sampled_from([CLAIM, CLAIM, SERVER]),
        ),
        min_size=6,
        max_size=30,
    )
)
def test_replay_equals_what_was_stored_whoever_is_pushed_out(
    sightings: list[tuple[str | None, str, TrustLevel]],
) -> None:
    # Examples share one database: each has people of its own.
    mark = uuid4().hex
    make_source(key="web")
    for user, device, trust in sightings:
        fields = {"anonymousId": f"{device}-{mark}"}
        if user:
            fields["userId"] = f"{user}-{mark}"
        send_messages(fields, source="web", trust=trust)
    assert list(find_drift()) == []
