"""Segments in the admin: saving, previews, members, history and explanations."""

import json
from typing import Any

import pytest
from django.urls import reverse

from profiles.lib import exact_json
from profiles.models import Profile, TraitDefinition
from profiles.services import actor_names
from segments.admin.forms import formatted_definition
from segments.models import Membership, Segment, SegmentVersion
from segments.services import create_segment, rebuild
from tests.admin import sign_in
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.django_db
ADD, PREVIEW = "admin:segments_segment_add", "admin:segments_segment_preview"


def living_in(city: str) -> dict[str, Any]:
    return {"type": "trait", "key": "city", "operator": "equals", "value": city}


def form(city: str = "Lyon", **more: Any) -> dict[str, Any]:
    body = {
        "key": "from-lyon",
        "name": "From Lyon",
        "description": "",
        "folder": "",
        "tags": "",
        "owner": "",
        "purpose": "",
        "status": "draft",
        "definition": json.dumps(living_in(city)),
    }
    return body | more


@pytest.fixture
def people() -> list[Profile]:
    """Three from Lyon, one from Nantes."""
    profiles = []
    for number, city in enumerate(["Lyon", "Lyon", "Lyon", "Nantes"]):
        profile = make_profile(f"email:p{number}@example.org")
        Profile.objects.filter(pk=profile.pk).update(
            traits={"city": city, "first_name": f"Ada{number}", "email": f"p{number}@example.org"}
        )
        profiles.append(profile)
    return profiles


@pytest.fixture
def segment(people: list[Profile]) -> Segment:
    segment = create_segment(
        key="from-lyon",
        name="From Lyon",
        definition=living_in("Lyon"),
        actor=TESTER,
        status="live",
    )
    rebuild([segment.key])
    return segment


def page_of(segment: Segment) -> str:
    return reverse("admin:segments_segment_change", args=[segment.pk])


def test_saving_a_segment_writes_its_version_and_author() -> None:
    marketer = sign_in("marketer")
    assert marketer.post(reverse(ADD), form()).status_code == 302
    version = SegmentVersion.objects.get()
    assert (version.number, version.definition) == (1, living_in("Lyon"))
    assert actor_names([version.author])[version.author].startswith("marketer")
    segment = Segment.objects.get()
    marketer.post(page_of(segment), form("Nantes"))
    marketer.post(page_of(segment), form("Nantes", name="From Nantes"))
    segment.refresh_from_db()
    assert (segment.version, segment.name, segment.key) == (2, "From Nantes", "from-lyon")


def test_numbers_of_a_definition_stay_exact_through_the_form() -> None:
    definition = '{"type":"trait","key":"score","operator":"gte","value":0.10000000000000000001}'
    marketer = sign_in("marketer")
    marketer.post(reverse(ADD), form(definition=definition))
    segment = Segment.objects.get()
    value = marketer.get(page_of(segment)).context["adminform"].form["definition"].value()
    marketer.post(page_of(segment), form(definition=formatted_definition(value)))
    segment.refresh_from_db()
    assert exact_json.dumps(segment.definition["value"]) == "0.10000000000000000001"
    assert segment.version == 1


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (
            '{"type": "and", "children":'
            ' [{"type": "trait", "key": "a", "operator": "near", "value": 1}]}',
            "children[0].operator",
        ),
        ('{"type": "frob"}', "type"),
        ('{"type": "segment", "key": "from-lyon"}', "key"),
        ("{", "not JSON"),
        ("[1]", "definition"),
    ],
)
def test_a_fault_in_a_definition_is_named_by_its_path(definition: str, path: str) -> None:
    answer = sign_in("marketer").post(reverse(ADD), form(definition=definition))
    assert answer.status_code == 200
    faults = answer.context["adminform"].form.errors["definition"]
    assert any(path in fault for fault in faults), faults
    assert not Segment.objects.exists()


def test_a_preview_shows_how_many_and_who_and_saves_nothing(people: list[Profile]) -> None:
    marketer = sign_in("marketer")
    answer = marketer.post(reverse(PREVIEW), form(), headers={"HX-Request": "true"})
    assert answer.context["result"].preview.size == 3
    assert {member.profile_id for member in answer.context["sample"]} == {
        profile.pk for profile in people[:3]
    }
    assert "<html" not in answer.content.decode()
    assert "Ada0" not in answer.content.decode()
    assert "Ada0" in sign_in().post(reverse(PREVIEW), form()).content.decode()
    assert not Segment.objects.exists()


def test_a_preview_of_a_change_says_who_would_enter_and_leave(segment: Segment) -> None:
    body = form("Nantes", segment=segment.key)
    result = sign_in("marketer").post(reverse(PREVIEW), body).context["result"]
    assert (result.preview.size, result.entering.size, result.leaving.size) == (1, 1, 3)
    segment.refresh_from_db()
    assert segment.definition == living_in("Lyon")
    assert segment.version == 1


@pytest.mark.parametrize("definition", ["{", "", "null", '{"type": "frob"}'])
def test_a_preview_of_nonsense_says_what_is_wrong(definition: str) -> None:
    answer = sign_in("marketer").post(reverse(PREVIEW), {"definition": definition})
    assert answer.status_code == 200
    assert answer.context["result"].faults


def test_who_may_not_write_segments_previews_none() -> None:
    assert sign_in("steward").post(reverse(PREVIEW), form()).status_code == 403


def tab_of(segment: Segment, tab: str) -> str:
    return reverse(f"admin:segments_segment_{tab}", args=[segment.pk])


def test_the_page_shows_size_flows_members_and_versions(segment: Segment) -> None:
    client = sign_in()
    overview = client.get(tab_of(segment, "overview"))
    assert [change.has_entered for change in overview.context["changes"]] == [True] * 3
    assert [(row.entered, row.left) for row in overview.context["reasons"]] == [(3, 0)]
    shown = overview.content.decode()
    assert "the definition changed" in shown
    assert "t-curve" in shown
    assert "t-flows" in shown
    assert len(client.get(tab_of(segment, "people")).context["people"].rows) == 3
    (version,) = client.get(tab_of(segment, "versions")).context["versions"]
    assert (version.version.number, version.entered, version.left) == (1, 3, 0)
    assert [line.sign for line in version.lines] == ["+"]


def test_members_are_paged_and_each_is_shown_once(segment: Segment) -> None:
    Membership.objects.filter(segment=segment).delete()
    for number in range(60):
        profile = make_profile(f"email:many{number}@example.org")
        Membership.objects.create(segment=segment, profile=profile, entered_at=profile.last_seen_at)
    client, seen, number = sign_in(), [], 1
    while number:
        page = client.post(tab_of(segment, "people"), {"page": number}).context["people"]
        seen += [member.profile_id for member in page.rows]
        number = number + 1 if page.has_next else 0
    assert len(seen) == len(set(seen)) == 60


def test_the_reasons_for_a_membership_name_each_part_and_what_was_found(
    segment: Segment, people: list[Profile]
) -> None:
    TraitDefinition.objects.create(key="city", type="text", is_reviewed=True)
    marketer = sign_in("marketer")
    url = "admin:segments_segment_why"
    inside = marketer.get(reverse(url, args=[segment.pk, people[0].pk]))
    assert inside.context["tree"].holds
    assert "it is Lyon" in inside.context["tree"].evidence
    outside = marketer.get(reverse(url, args=[segment.pk, people[3].pk]))
    assert not outside.context["tree"].holds
    Profile.objects.filter(pk=people[3].pk).update(is_restricted=True)
    assert marketer.get(reverse(url, args=[segment.pk, people[3].pk])).status_code == 404


def test_evidence_of_a_contact_trait_is_masked(people: list[Profile]) -> None:
    definition = {"type": "trait", "key": "email", "operator": "exists"}
    segment = create_segment(
        key="known", name="Known", definition=definition, actor=TESTER, status="live"
    )
    url = reverse("admin:segments_segment_why", args=[segment.pk, people[0].pk])
    assert sign_in("marketer").get(url).status_code == 403
    assert "p0@example.org" in sign_in().get(url).content.decode()


def test_a_segment_on_which_another_leans_is_not_archived(segment: Segment) -> None:
    dependant = create_segment(
        key="also",
        name="Also",
        definition={"type": "segment", "key": "from-lyon"},
        actor=TESTER,
        status="live",
    )
    marketer = sign_in("marketer")
    url = reverse("admin:segments_segment_archive", args=[segment.pk])
    assert marketer.get(url).context["question"].counts == {"Members": 3}
    answer = marketer.post(url, follow=True)
    assert "lean on it: also" in answer.content.decode()
    for ended in (dependant, segment):
        marketer.post(reverse("admin:segments_segment_archive", args=[ended.pk]))
        ended.refresh_from_db()
        assert ended.status == "archived"
    assert not Membership.objects.exists()
    assert marketer.post(page_of(segment), form()).status_code == 403


def test_a_live_segment_does_not_become_a_draft_again(segment: Segment) -> None:
    answer = sign_in("marketer").post(page_of(segment), form(status="draft"))
    assert answer.status_code == 200
    segment.refresh_from_db()
    assert segment.status == "live"


def test_a_purpose_can_be_named() -> None:
    purpose = make_purpose("newsletter")
    sign_in("marketer").post(reverse(ADD), form(purpose=str(purpose.pk)))
    assert Segment.objects.get().purpose == purpose


def test_staff_copy_go_back_and_bring_back(people: list[Profile]) -> None:
    browser = sign_in("marketer")
    browser.post(reverse(ADD), form(status="live", folder="Regions", tags="city, near"))
    segment = Segment.objects.get(key="from-lyon")
    assert (segment.folder, segment.tags) == ("Regions", ["city", "near"])
    page = reverse("admin:segments_segment_change", args=[segment.pk])
    browser.post(page, form("Paris", status="live"))
    rolled = reverse("admin:segments_segment_rollback", args=[segment.pk, 1])
    assert "version 1 again" in browser.post(rolled, follow=True).content.decode()
    segment.refresh_from_db()
    assert (segment.version, segment.definition) == (3, living_in("Lyon"))

    copying = reverse("admin:segments_segment_clone", args=[segment.pk])
    assert "from-lyon-copy" in browser.get(copying).content.decode()
    taken = browser.post(copying, {"key": "from-lyon", "name": "Again"})
    assert "There is a segment with this key." in taken.content.decode()
    browser.post(copying, {"key": "again", "name": "Again"})
    assert Segment.objects.get(key="again").status == "draft"

    browser.post(reverse("admin:segments_segment_archive", args=[segment.pk]))
    assert "Bring back" in browser.get(page).content.decode()
    browser.post(reverse("admin:segments_segment_restore", args=[segment.pk]))
    segment.refresh_from_db()
    assert segment.status == "draft"


def test_nobody_changes_a_segment_by_following_a_link(people: list[Profile]) -> None:
    segment = create_segment(key="kept", name="Kept", definition=living_in("Lyon"), actor=TESTER)
    browser = sign_in("marketer")
    for name, arguments in (("rollback", [1]), ("restore", [])):
        browser.get(reverse(f"admin:segments_segment_{name}", args=[segment.pk, *arguments]))
    segment.refresh_from_db()
    assert (segment.version, segment.status) == (1, "draft")
