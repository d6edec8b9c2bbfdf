"""Loading the demo: once, completely, and wherever an earlier load was killed."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config.demo import cdnow
from config.demo.loading import has_begun, is_loaded
from config.demo.sending import demo_messages
from config.demo.wire import Days
from consent.models import NoticeVersion, Purpose
from ingestion.models import InboxRow, RejectedMessage
from profiles.models import (
    Event,
    Identifier,
    IdentityOutcome,
    Merge,
    Profile,
    ProfileChange,
    SeenMessage,
    SourceRecord,
)
from segments.models import Membership, Segment

CUSTOMERS = 500
# Small chunks, so that a kill leaves some of them undone, and leases that run out soon.
SMALL_STEPS = {"INBOX_CHUNK_MESSAGES": "100", "INBOX_LEASE_SECONDS": "2"}


def load(customers: int = CUSTOMERS, **options: Any) -> str:
    output = StringIO()
    call_command("load_demo", customers=customers, stdout=output, **options)
    return output.getvalue()


def test_a_loaded_demo_is_whole_and_every_segment_has_plausible_members(
    committing_db: str,
) -> None:
    assert not has_begun()
    output = load()

    assert "18 segments" in output
    assert not InboxRow.objects.exists()
    assert not ProfileChange.objects.exists()
    everyone = Profile.objects.count()
    sizes = dict(Segment.objects.values_list("key", "size"))
    own = Segment.objects.filter(family=None).values_list("key", "size")
    assert [key for key, size in own if not 0 < size < everyone] == []
    assert_parted()
    members = Counter(Membership.objects.values_list("segment__key", flat=True))
    assert members == Counter(sizes)
    assert_purposes()
    assert_unified()
    assert "loaded already" in load()
    call_command("verify_segments", stdout=StringIO())
    call_command("verify_profiles", stdout=StringIO())


def assert_parted() -> None:
    """The groups of RFM, and the stages of the life-cycle, sum to all buyers."""
    orders = Event.objects.filter(name__name="Order Completed")
    buyers = orders.values("profile_id").distinct().count()
    for kind, count in (("rfm", 11), ("life_cycle", 6)):
        segments = Segment.objects.filter(family__kind=kind)
        assert len(segments) == count
        assert sum(segment.size for segment in segments) == buyers


def assert_purposes() -> None:
    assert {purpose.key: purpose.legal_basis for purpose in Purpose.objects.all()} == {
        "newsletter": "consent",
        "recommendations": "legitimate_interest",
        "targeted_advertising": "consent",
        "order_fulfilment": "contract",
    }
    notices = NoticeVersion.objects.values_list("key", "language")
    assert Counter(language for _, language in notices) == {"en": 4, "fr": 4}


def assert_unified() -> None:
    """Assert that profiles have several sources, and that each identity rule decided something."""
    orders = sum(
        len(purchases) for purchases in cdnow.purchases_until(cdnow.LAST_DAY, CUSTOMERS).values()
    )
    assert Event.objects.filter(name__name="Order Completed").count() == orders
    assert Merge.objects.count() >= 20
    rules = set(IdentityOutcome.objects.values_list("rule", flat=True))
    assert {"merge", "takeover", "trust", "claim_limit", "unique"} <= rules
    sources = Counter(SourceRecord.objects.values_list("profile_id", "source__key").distinct())
    per_profile = Counter(profile for profile, _ in sources)
    assert sum(count >= 2 for count in per_profile.values()) > 50
    assert RejectedMessage.objects.count() == 15
    assert Identifier.objects.filter(namespace="crm_id", profile__isnull=False).exists()


def test_a_load_that_was_killed_goes_on_without_loss_or_doubling(committing_db: str) -> None:
    killed = subprocess.Popen(
        [sys.executable, "manage.py", "load_demo", "--customers", "200"],
        cwd=settings.BASE_DIR,
        env=os.environ | SMALL_STEPS | {"DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
    )
    while not Event.objects.exists():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert has_begun()
    assert not is_loaded()

    load(200)
    days = Days(timezone.localdate(), ZoneInfo(settings.TIME_ZONE))
    bodies = [(message.source, json.loads(message.body)) for message in demo_messages(200, days)]
    types = {(source, body["messageId"]): body["type"] for source, body in bodies}
    assert SeenMessage.objects.count() == len(types)
    assert Event.objects.count() == sum(type_ != "identify" for type_ in types.values())
    assert RejectedMessage.objects.count() == 15
    assert is_loaded()


def database_url() -> str:
    """Return the URL of the test's own database, for another process."""
    server = connection.settings_dict
    user, password, host = (
        quote(str(server[part]), safe="") for part in ("USER", "PASSWORD", "HOST")
    )
    port = f":{server['PORT']}" if server.get("PORT") else ""
    return f"postgres://{user}:{password}@{host}{port}/{server['NAME']}"


def test_a_load_tells_its_progress_in_a_few_lines(committing_db: str) -> None:
    lines = [line for line in load(60).splitlines() if line.startswith("Demo:")]
    assert 1 <= len(lines) <= 10
    assert re.fullmatch(r"Demo: ([\d,]+) of \1 messages", lines[-1])


@pytest.mark.parametrize(
    "options",
    [{"customers": 0}, {"customers": 23_571}, {"now": timezone.now() + timedelta(days=1)}],
)
@pytest.mark.django_db
def test_a_load_of_too_few_too_many_or_tomorrow_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        load(**{"customers": 5, **options})
