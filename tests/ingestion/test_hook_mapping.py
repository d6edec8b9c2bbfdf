"""The editor of a webhook's mapping: tried live, faults at their fields, used once saved."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.admin.hook_forms import fact_formset, kinds_in
from ingestion.models import Hook, InboxRow
from ingestion.presets.presets import parse_kinds
from ingestion.services import drain_inbox, propose_fact, register_hook, try_mapping
from profiles.lib import exact_json
from profiles.models import AuditEntry, Event, Source
from tests.admin import sign_in
from tests.factories import TESTER, profile_of
from tests.ingestion.hook_signatures import SECRET, SIGNED_BY
from tests.tries import tries

pytestmark = pytest.mark.django_db
OWN, OUTCOME = "admin:ingestion_hook_own", "admin:ingestion_hook_outcome"
PAGES = ("replace", "end")
SAMPLE = {
    "type": "vote.cast",
    "id": "v-1",
    "created_at": "2026-03-01T10:00:00Z",
    "voter": {"email": "ada@example.org", "city": "Lyon"},
    "choice": "blue",
}
FACT = {
    "kind": "vote.cast",
    "call": "track",
    "event": "Voted",
    "id": "id",
    "time": "created_at",
    "email": "voter.email",
    "properties": "choice: choice\nplace.city: voter.city",
}

WHOLE = {"call": "identify", "id": "id", "time": "created_at", "who": {"email": "voter.email"}}
KINDS = {"*": [WHOLE]}


def posted(*facts: dict[str, Any], sample: Any = SAMPLE, **more: Any) -> dict[str, Any]:
    """The body that the page posts."""
    body = {"facts-TOTAL_FORMS": str(len(facts)), "facts-INITIAL_FORMS": "0"}
    for place, fact in enumerate(facts):
        body |= {f"facts-{place}-{name}": value for name, value in fact.items()}
    text = sample if isinstance(sample, str) else exact_json.dumps(sample)
    return {**body, "sample": text, "header": "", **more}


def outcome(*facts: dict[str, Any], **more: Any) -> Any:
    response = sign_in().post(reverse(OUTCOME), posted(*facts, **more))
    assert response.status_code == 200
    return response


def test_a_pasted_delivery_shows_what_it_becomes_and_nothing_is_stored() -> None:
    response = outcome(FACT)
    page = response.content.decode()
    assert "becomes 1 message" in page
    assert "ada@example.org" in page
    assert "&quot;blue&quot;" in page
    assert "no-store" in response["Cache-Control"]
    assert not InboxRow.objects.exists()
    assert not Hook.objects.exists()
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "id(", "Incomplete"),
        ("id", "", "required"),
        ("time", "moment(created_at)", "There is no function moment."),
        ("event", "", "the name of the event"),
        ("email", "", "an object of"),
        ("properties", "choice: choice\nsomething else", "Not name: expression"),
        ("properties", "a: id\na.b: id", "has a value and parts"),
        ("properties", "a: id\na: id", "is there twice"),
        ("traits", "total: sum(", "total: "),
    ],
)
def test_a_fault_is_said_at_its_field(field: str, value: str, said: str) -> None:
    response = outcome(FACT | {field: value})
    (form,) = [each for each in response.context["forms"] if each.prefix == "facts-0"]
    place = "user_id" if field == "email" else field
    assert set(form.errors) == {place}
    assert said in " ".join(form.errors[place])
    page = response.content.decode()
    at = page.index(f'id="id_facts-0-{place}_fault"')
    assert 'hx-swap-oob="true"' in page[at : at + 90]
    assert form.errors[place][0].split("'")[0][:8] in page[at:]


@pytest.mark.parametrize("sample", ["{", "[1]", '"x"', "x" * 300_000])
def test_a_sample_that_is_no_delivery_is_said_at_the_sample(sample: str) -> None:
    response = outcome(FACT, sample=sample)
    assert set(response.context["forms"][0].errors) == {"sample"}


def test_kinds_that_no_message_is_of_and_people_that_nobody_names_are_told() -> None:
    other = outcome(FACT, sample=SAMPLE | {"type": "vote.lost"}).content.decode()
    assert "mean nothing here" in other
    nobody = outcome(FACT | {"email": "voter.mail"}).content.decode()
    assert "1 is left out" in nobody
    assert "vote.lost" in outcome(FACT, header="vote.lost").content.decode()


def test_a_mapping_is_proposed_saved_used_and_changed(client: Client) -> None:
    staff = sign_in()
    proposed = staff.post(reverse(OWN), posted({"kind": "*"}, propose="", key="votes"))
    (form,) = proposed.context["facts"].forms
    assert form.initial["event"] == "Vote Cast"
    assert (form.initial["email"], form.initial["time"]) == ("voter.email", "created_at")
    head = {"key": "votes", "name": "Votes", "secret": SECRET, "save": ""}
    page = staff.post(reverse(OWN), posted(FACT, **head)).content.decode()
    hook = Hook.objects.get()
    start = page.index("/hooks/votes/")
    url = page[start : page.index("/", start + len("/hooks/votes/")) + 1]
    assert deliver(client, url, SAMPLE) == 1
    drain_inbox()
    event = Event.objects.get()
    assert event.properties == {"choice": "blue", "place": {"city": "Lyon"}}
    assert event.profile == profile_of("email:ada@example.org")
    mapping = reverse("admin:ingestion_hook_mapping", args=[hook.pk])
    (shown,) = staff.get(mapping).context["facts"].forms
    assert sorted(shown.initial["properties"].split("\n")) == FACT["properties"].split("\n")
    change = posted(FACT | {"event": "Cast a vote"}, save="")
    assert staff.post(mapping, change).status_code == 302
    entry = AuditEntry.objects.get(verb="source.hook_changed")
    assert (entry.object_type, entry.object_key) == ("source", "votes")
    deliver(client, url, SAMPLE | {"id": "v-2"})
    drain_inbox()
    assert set(Event.objects.values_list("name__name", flat=True)) == {"Voted", "Cast a vote"}


def deliver(client: Client, url: str, content: Any) -> int:
    body = exact_json.dumps(content)
    headers = SIGNED_BY["custom"](body.encode(), datetime.now(UTC))
    answer = client.post(url, body, content_type="application/json", headers=headers)
    messages: int = answer.json()["messages"]
    return messages


def test_what_was_typed_stays_where_a_message_is_added_or_the_key_is_in_use() -> None:
    register_hook("votes", preset="custom", secret=SECRET, actor=TESTER, kinds=KINDS)
    staff = sign_in()
    added = staff.post(reverse(OWN), posted(FACT, add="", key="polls", secret="s-1"))
    first, second = added.context["facts"].forms
    assert first["properties"].value() == FACT["properties"]
    assert second["kind"].value() == "*"
    assert 'value="s-1"' in added.content.decode()
    again = staff.post(reverse(OWN), posted(FACT, save="", key="votes", secret="s-1"))
    assert again.context["head"].errors["key"]
    assert Hook.objects.count() == 1


def test_a_message_is_left_out_but_not_the_last_one() -> None:
    out = FACT | {"DELETE": "on", "id": "id("}
    assert kinds_in(valid(posted(FACT, out))) == kinds_in(valid(posted(FACT)))
    facts = fact_formset(posted(out))
    assert not facts.is_valid()


def valid(body: dict[str, Any]) -> Any:
    facts = fact_formset(body)
    assert facts.is_valid(), facts.errors
    return facts


def test_only_whoever_may_make_sources_maps() -> None:
    made = register_hook("votes", preset="custom", secret=SECRET, actor=TESTER, kinds=KINDS)
    hook = Hook.objects.get(source=made[0])
    pages = [f"admin:ingestion_hook_{page}" for page in ("mapping", *PAGES)]
    for name, args in ((OWN, []), (OUTCOME, []), *((page, [hook.pk]) for page in pages)):
        assert sign_in("marketer").post(reverse(name, args=args), posted(FACT)).status_code == 403


def test_staff_give_a_webhook_another_address_and_remove_it(client: Client) -> None:
    made = register_hook("votes", preset="custom", secret=SECRET, actor=TESTER, kinds=KINDS)
    source, token = made
    hook = Hook.objects.get(source=source)
    staff = sign_in()
    replace, end = (reverse(f"admin:ingestion_hook_{page}", args=[hook.pk]) for page in PAGES)
    shown = staff.get(reverse("admin:ingestion_hook_change", args=[hook.pk])).content.decode()
    assert replace in shown
    assert end in shown
    assert token not in staff.get(replace).content.decode()
    assert deliver(client, f"/hooks/votes/{token}/", SAMPLE) == 1
    page = staff.post(replace)
    assert "no-store" in page["Cache-Control"]
    another = re.search(r"/hooks/votes/twh_[\w-]+/", page.content.decode())
    assert another is not None
    assert client.post(f"/hooks/votes/{token}/", {}).status_code == 404
    assert deliver(client, another[0], SAMPLE | {"id": "v-2"}) == 1
    assert staff.get(end).status_code == 200
    assert Hook.objects.exists()
    assert staff.post(end).status_code == 302
    assert not Hook.objects.exists()
    assert Source.objects.filter(key="votes").exists()
    verbs = AuditEntry.objects.filter(object_key="votes").values_list("verb", flat=True)
    assert {"source.hook_replaced", "source.hook_deleted"} <= set(verbs)


names = st.text("abc_XYZ09", min_size=1, max_size=6)
scalars = st.one_of(st.text(max_size=6), st.integers(), st.booleans(), st.none())
contents = st.dictionaries(
    st.one_of(names, st.text(max_size=5), st.sampled_from(["id", "email", "created_at", "type"])),
    st.recursive(scalars, lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_size=8,
)


@settings(max_examples=tries(200), deadline=None)
@given(contents, st.sampled_from(["", "order.paid"]))
@example({"type": ":"}, "")
def test_any_delivery_is_proposed_for_and_tried(content: dict[str, Any], header: str) -> None:
    fact = propose_fact(content, header=header)
    # What is missing in the delivery is asked of the one who maps.
    whole = {"id": "id", "time": "created_at", **fact}
    whole["who"] = whole.get("who") or {"email": "email"}
    trial = try_mapping(parse_kinds({"*": [whole]}), content, header=header)
    assert len(trial.messages) + len(trial.left_out) == 1
    (form,) = fact_formset(kinds={"*": [whole]}).forms
    written = {name: value for name, value in form.initial.items() if value}
    facts = fact_formset(posted(written))
    assert facts.is_valid(), facts.errors
