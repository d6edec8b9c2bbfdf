"""Automations that hand people to destinations and take them out: under the gate, once for each
step, and forgotten with the person.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from consent.models import Purpose
from consent.services import NewRequest, act_on_requests, open_request
from profiles.models import Identifier
from profiles.services import NewDecision, decide
from segments.language.operands import DefinitionError
from segments.models import AutomationRun, Delivery, Destination, HandedPerson
from segments.services import (
    advance,
    create_automation,
    deliver,
    dry_run,
    pause_webhook,
    publish_automation,
    refresh_changed,
    refresh_due,
    resume_webhook,
    truth_of,
    try_automation,
    update_destination,
)
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose, profile_of
from tests.segments.flows import SIGNED_UP, decided, do, pass_time, publish, states
from tests.segments.listening import ADA, consent, settle
from tests.segments.sending import known, log_of, make_everyone, to_people
from tests.tools import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def tool(people: People) -> Destination:
    """A destination without segments, for newsletters."""
    make_purpose("newsletter", now=timezone.now())
    return to_people(people)


def handing(tool: Destination, **fields: Any) -> dict[str, Any]:
    return {"type": "destination", "destination": str(tool.pk), **fields}


def sign_up(name: str = "ada") -> None:
    """Let somebody who permits it start, and let workers do what is due."""
    known(name)
    consent(reference=f"user_id:{name}")
    do("Signed Up", name)
    advance()
    settle()


def test_a_step_hands_a_person_over_and_another_takes_them_out(
    people: People, tool: Destination
) -> None:
    out = handing(tool, do="take_out")
    publish(handing(tool), {"type": "wait", "for": {"days": 3}}, out)
    sign_up()
    assert people.people == {"ada@example.org": {"id": "ada@example.org", "city": "Lyon"}}
    pass_time(days=4)
    settle()
    assert people.people == {}
    assert log_of(tool) == [
        ("delivered", "entered", "automation"),
        ("delivered", "exited", "change"),
    ]
    assert decided() == [("destination", "acted"), ("wait", "passed"), ("destination", "acted")]


def test_who_does_not_permit_it_is_not_sent_and_the_step_says_why(
    people: People, tool: Destination
) -> None:
    publish(handing(tool))
    known()
    do("Signed Up")
    advance()
    settle()
    consent()
    settle()
    assert decided() == [("destination", "forbidden")]
    assert (people.calls, HandedPerson.objects.count()) == ([], 0)
    assert states() == [("done", "")]


def test_the_purpose_of_the_automation_is_asked_as_well(people: People, tool: Destination) -> None:
    """A destination for one purpose gets nobody for another that they forbid."""
    make_purpose("profiling", now=timezone.now())
    steps = {"trigger": SIGNED_UP, "steps": [handing(tool)], "again": "always"}
    row = create_automation(
        key="both",
        name="Both",
        purpose=Purpose.objects.get(key="profiling"),
        definition=steps,
        actor=TESTER,
    )
    publish_automation(row, actor=TESTER)
    sign_up()
    assert people.people == {}
    consent(purpose="profiling")
    do("Signed Up")
    advance()
    settle()
    assert list(people.people) == ["ada@example.org"]
    consent("withdrawn", purpose="profiling")
    settle()
    assert people.people == {}
    assert truth_of(tool, profile_of(ADA)).refusal[:2] == ("refused", "profiling")  # type: ignore[index]


@pytest.mark.parametrize("end", ["withdrawal", "expiry", "restriction"])
def test_the_end_of_the_permission_takes_out_whom_an_automation_handed_over(
    people: People, tool: Destination, end: str
) -> None:
    publish(handing(tool))
    sign_up()
    until = timezone.now() + timedelta(days=1)
    consent(valid_until=until.isoformat())
    settle()
    assert people.people
    match end:
        case "withdrawal":
            consent("withdrawn")
        case "expiry":
            refresh_due(now=until + timedelta(hours=1))
            Delivery.objects.update(due_at=timezone.now())
        case kind:
            open_request(NewRequest(kind=kind, references=(ADA,)), door="service", actor=TESTER)
            act_on_requests()
    settle()
    assert people.people == {}
    assert log_of(tool)[-1] == ("delivered", "exited", "permission")


def test_who_permits_it_again_is_there_again(people: People, tool: Destination) -> None:
    publish(handing(tool))
    sign_up()
    consent("withdrawn")
    settle()
    assert people.people == {}
    consent(occurred_at=timezone.now().isoformat())
    settle()
    assert list(people.people) == ["ada@example.org"]
    assert log_of(tool)[-1] == ("delivered", "entered", "permission")


def test_taking_out_leaves_whom_a_segment_has(people: People) -> None:
    make_purpose("newsletter", now=timezone.now())
    tool = to_people(people, make_everyone())
    publish(handing(tool), handing(tool, do="take_out"))
    sign_up()
    assert list(people.people) == ["ada@example.org"]
    assert log_of(tool)[0][2] != "automation"
    assert not HandedPerson.objects.exists()


def test_a_withdrawal_before_the_first_byte_keeps_everything_back(
    people: People, tool: Destination
) -> None:
    publish(handing(tool))
    known()
    consent()
    do("Signed Up")
    advance()
    refresh_changed()
    consent("withdrawn")
    deliver()
    assert people.calls == []
    assert log_of(tool) == [("withheld", "entered", "automation")]


def test_who_is_held_out_is_not_handed_over(people: People, tool: Destination) -> None:
    publish(handing(tool), hold_out=50)
    known()
    consent()
    do("Signed Up")
    AutomationRun.objects.update(is_held_out=True)
    advance()
    settle()
    assert (decided(), people.calls) == ([("destination", "held_out")], [])


def test_an_erasure_has_the_tool_forget_and_keeps_no_row(people: People, tool: Destination) -> None:
    publish(handing(tool))
    sign_up()
    request = NewRequest(kind="erasure", references=(ADA,))
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    settle()
    assert people.people == {}
    assert people.calls[-1].body["people"] == [{"id": "ada@example.org", "action": "forget"}]
    assert not HandedPerson.objects.exists()


def test_a_merge_keeps_who_was_handed_over_and_taking_out_ends_it(
    people: People, tool: Destination
) -> None:
    row = publish(handing(tool))
    sign_up()
    sign_up("bob")
    assert set(people.people) == {"ada@example.org", "bob@example.org"}
    names = ("ada", "bob")
    one, other = (Identifier.objects.get(namespace="user_id", value=each) for each in names)
    decide(NewDecision("same", one, other, "One person."), actor=TESTER)
    settle()
    assert len(people.people) == 1
    publish(handing(tool, do="take_out"), key="out", trigger={"type": "event", "name": "Left"})
    do("Left")
    advance()
    settle()
    assert people.people == {}
    assert not HandedPerson.objects.exists()
    assert row.runs.count() == 2


def test_a_paused_destination_that_wrote_nothing_catches_up(
    people: People, tool: Destination
) -> None:
    publish(handing(tool))
    pause_webhook(tool, actor=TESTER)
    Destination.objects.update(is_behind=True)
    sign_up()
    assert not Delivery.objects.exists()
    resume_webhook(tool, actor=TESTER)
    settle()
    assert list(people.people) == ["ada@example.org"]


def test_another_mapping_is_sent_to_whom_was_handed_over(people: People, tool: Destination) -> None:
    publish(handing(tool))
    sign_up()
    mapping = {"id": "email", "body": {"id": "email", "town": "traits.city"}}
    update_destination(tool, actor=TESTER, changes={"mapping": mapping})
    settle()
    assert people.people["ada@example.org"] == {"id": "ada@example.org", "town": "Lyon"}


def test_a_dry_run_counts_who_was_handed_over(people: People, tool: Destination) -> None:
    publish(handing(tool))
    sign_up()
    sign_up("bob")
    consent("withdrawn", reference="user_id:bob")
    settle()
    run = dry_run(tool)
    assert (run.members, run.sent, run.left_out) == (2, 1, {"refused": 1})


@pytest.mark.parametrize(("is_permitted", "outcome"), [(True, "acted"), (False, "forbidden")])
def test_trying_it_hands_nobody_over(
    people: People, tool: Destination, is_permitted: bool, outcome: str
) -> None:
    row = publish(handing(tool), handing(tool, do="take_out"))
    trial = try_automation(
        row, traits={"email": "eve@example.org"}, is_permitted=is_permitted, now=timezone.now()
    )
    settle()
    assert [step.outcome for step in trial.steps] == [outcome, "acted"]
    assert (people.calls, HandedPerson.objects.exists()) == ([], False)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"destination": "77"}, "steps[0].destination"),
        ({"destination": "00000000-0000-7000-8000-000000000000"}, "steps[0].destination"),
        ({"do": "forget"}, "steps[0].do"),
    ],
)
def test_a_wrong_step_is_refused_with_its_path(
    tool: Destination, fields: dict[str, str], path: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        publish(handing(tool) | fields)
    assert [fault.path for fault in caught.value.errors] == [path]


def test_only_who_may_read_people_makes_such_a_step(tool: Destination) -> None:
    definition = {
        "trigger": SIGNED_UP,
        "steps": [
            {
                "type": "if",
                "test": {"type": "trait", "key": "city", "operator": "exists"},
                "then": [handing(tool)],
            }
        ],
    }
    body = {"key": "flow", "name": "Flow", "purpose": "newsletter", "definition": definition}
    url = "/api/v1/automations/"
    client = make_client("segments:read", "segments:write")
    assert client.post(url, body).status_code == 403
    reader = make_client("segments:read", "segments:write", "profiles:read")
    assert reader.post(url, body).status_code == 201
    changed = client.patch(f"{url}flow/", {"definition": definition})
    assert changed.status_code == 403


def test_the_page_says_what_happens_at_the_destination(people: People, tool: Destination) -> None:
    row = publish(handing(tool), handing(tool, do="take_out"))
    sign_up()
    text = sign_in().get(f"/admin/segments/automation/{row.pk}/change/").content.decode()
    assert "hand them to the destination Tool" in text
    assert "take them out of the destination Tool" in text
