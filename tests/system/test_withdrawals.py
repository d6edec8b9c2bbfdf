"""A thousand withdrawals while everything leaves: nobody leaves once their withdrawal is there."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from django.core import mail
from django.utils import timezone

from consent.models import Method, Purpose, State
from consent.services import ConsentStatement, record_many, record_statement
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.models import Delivery, Segment, WebhookEvent
from segments.services import (
    advance,
    create_automation,
    create_segment,
    deliver,
    derive_told,
    publish_automation,
    rebuild,
    refresh_changed,
    send_mails,
)
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_client, make_purpose, send_messages
from tests.receivers import Receiver
from tests.segments.exporting import lines_of
from tests.segments.flows import MAIL, SIGNED_UP
from tests.segments.listening import listen
from tests.system.concurrency import at_once
from tests.tries import tries

PEOPLE = tries(1000)
Outlet = Callable[[], Collection[str]]


class Withdrawals:
    """Who has withdrawn, and when that was committed; who left by an outlet, and who left after.

    People are named by their user ids, and the clock is the database's.
    """

    def __init__(self) -> None:
        self.at: dict[str, datetime] = {}
        self.left: dict[str, set[str]] = {}
        self.leaks: list[tuple[str, str]] = []

    def withdraw(self, people: Collection[str]) -> None:
        for user_id in people:
            statement = ConsentStatement(
                reference=f"user_id:{user_id}",
                purpose="newsletter",
                state=State.WITHDRAWN,
                method=Method.API,
            )
            record_statement(statement, actor=TESTER)
            self.at[user_id] = database_now()

    def watch(self, outlet: Outlet) -> None:
        """Let people out again and again, the last time when all have withdrawn."""
        name, is_last = outlet.__name__, False
        while not is_last:
            is_last = len(self.at) == PEOPLE
            started = database_now()
            people = outlet()
            self.left.setdefault(name, set()).update(people)
            self.leaks += [(name, each) for each in people if self.at.get(each, started) < started]


class Outlets:
    """What lets people out who permit the newsletter: each returns them by their user ids."""

    def __init__(self, user_ids: Sequence[str]) -> None:
        self.client = make_client()
        self.asked = [f"user_id:{each}" for each in user_ids[::20]]
        rows = Profile.objects.values_list("uuid", "traits")
        self.names = {str(uuid): traits["user"] for uuid, traits in rows}

    def all(self) -> list[Outlet]:
        return [self.members, self.look_up, self.exported, self.linked, self.mailed]

    def members(self) -> list[str]:
        query = {"purpose": "newsletter", "page_size": 1000}
        page = self.client.get("/api/v1/segments/all/members/", query).json()
        return [self.names[row["profile"]] for row in page["results"]]

    def look_up(self) -> list[str]:
        body = {"identifiers": self.asked, "purpose": "newsletter"}
        found = self.client.post("/api/v1/profiles/lookup/", body, format="json").json()
        return [self.names[row["id"]] for row in found["results"] if row]

    def exported(self) -> list[str]:
        answer = self.client.get("/api/v1/segments/all/export/", {"format": "jsonl"})
        return [self.names[row["id"]] for row in lines_of(answer)]

    def linked(self) -> list[str]:
        body = {"definition": {"type": "everyone"}, "purpose": "newsletter"}
        made = self.client.post("/api/v1/exports/", body, format="json").json()
        answer = self.client.post("/exports/", {"code": made["link"]["code"]}, format="multipart")
        return [self.names[row["id"]] for row in lines_of(answer)]

    def mailed(self) -> list[str]:
        before = len(mail.outbox)
        send_mails(limit=1)
        return [message.to[0].partition("@")[0] for message in mail.outbox[before:]]


def make_permitting_people() -> list[str]:
    user_ids = [f"u{number}" for number in range(PEOPLE)]
    send_messages(
        *(
            {"userId": each, "traits": {"email": f"{each}@example.org", "user": each}}
            for each in user_ids
        )
    )
    record_many([consent_input(profile) for profile in Profile.objects.all()])
    return user_ids


def make_everyone(purpose: Purpose) -> Segment:
    segment = create_segment(
        key="all",
        name="All",
        definition={"type": "everyone"},
        purpose=purpose,
        status="live",
        actor=TESTER,
    )
    rebuild(["all"])
    return segment


def let_mails_wait(purpose: Purpose, user_ids: Collection[str]) -> None:
    """Have an automation decide to write to everybody."""
    definition = {"trigger": SIGNED_UP, "steps": [MAIL]}
    flow = create_automation(
        key="flow", name="Flow", purpose=purpose, definition=definition, actor=TESTER
    )
    publish_automation(flow, actor=TESTER)
    send_messages(*({"type": "track", "event": "Signed Up", "userId": each} for each in user_ids))
    refresh_changed()
    while advance():
        pass


def test_nobody_leaves_by_any_outlet_once_their_withdrawal_is_there(
    committing_db: str, receiver: Receiver
) -> None:
    purpose = make_purpose("newsletter", now=timezone.now())
    user_ids = make_permitting_people()
    listen(receiver, make_everyone(purpose))
    let_mails_wait(purpose, user_ids)
    derive_told()
    outlets = Outlets(user_ids)
    withdrawals = Withdrawals()
    at_once(
        partial(withdrawals.withdraw, user_ids[: PEOPLE // 2]),
        partial(withdrawals.withdraw, user_ids[PEOPLE // 2 :]),
        *(partial(withdrawals.watch, outlet) for outlet in outlets.all()),
        deliver,
        seconds=300,
    )
    assert withdrawals.leaks == []
    # Each did let people out while the others withdrew, and lets nobody out now.
    assert all(withdrawals.left[outlet.__name__] for outlet in outlets.all())
    assert {outlet.__name__: list(outlet()) for outlet in outlets.all()} == {
        outlet.__name__: [] for outlet in outlets.all()
    }
    entries = Delivery.objects.filter(
        event=WebhookEvent.SEGMENT_ENTERED, state=Delivery.State.DELIVERED
    )
    read_at = {outlets.names[str(each.key)]: each.gate_read_at for each in entries}
    assert read_at
    assert [each for each, at in read_at.items() if at > withdrawals.at[each]] == []
