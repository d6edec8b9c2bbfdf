"""The attack on masked data: no look-up, filter, order or segment tells what a mask hides."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from django.contrib import admin
from django.db.models import ForeignKey, JSONField, Model
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.settings import api_settings

from consent.models import Suppression
from profiles.admin.kit.masks import Mask
from profiles.api.kit.access import declared_scope
from profiles.lib.batches import batches
from profiles.models import Profile, TraitDefinition
from profiles.models.access import Scope
from profiles.services import Category
from segments.admin.page.tabs import TABS
from segments.definitions.sensitivity import load_sensitivity
from segments.language.nodes import PersonLeaf
from segments.models import Segment, SegmentFamily
from segments.services import create_family, create_segment, rebuild
from tests.admin import make_world, sign_in
from tests.config.walks import operation_id, operations
from tests.factories import NOW, TESTER, make_client, make_profile
from tests.system.sensitive_leaves import ORACLES, event, trait, where
from tests.tries import tries

pytestmark = pytest.mark.django_db
ROLES = ("marketer", "steward", "privacy officer", "auditor", "admin", "")
LOOKUPS = ("", "__exact", "__iexact", "__startswith", "__contains", "__regex", "__gt", "__in")
SECRET = "ada.secret@example.org"
BLIND_SCOPES = [scope for scope in Scope.values if scope != Scope.PROFILES_READ]
URL = "/api/v1/segments/"


def test_the_sensitivity_of_every_kind_of_leaf_is_decided() -> None:
    assert {kind.__name__ for kind in get_args(PersonLeaf)} == {
        *("TraitLeaf", "EventLeaf", "SegmentLeaf", "ConsentLeaf", "EveryoneLeaf"),
        *("IdentifierLeaf", "SourceLeaf", "BucketLeaf", "GeoLeaf", "RegularLeaf", "SequenceLeaf"),
        *("SessionLeaf", "RankLeaf", "RfmLeaf", "LifeCycleLeaf", "ListLeaf", "OverrideLeaf"),
        *("AccountLeaf", "StatedLeaf"),
    }, "Say in segments/definitions/sensitivity.py what the new leaf tells, and add an oracle."


@pytest.fixture
def person() -> Profile:
    """Ada, one of whose traits staff marked as contact and one as special."""
    for key, category in (("badge", "contact"), ("diet", "special")):
        TraitDefinition.objects.create(key=key, type="text", category=category, is_reviewed=True)
    TraitDefinition.objects.create(key="city", type="text", is_reviewed=True)
    profile = make_profile(f"email:{SECRET}")
    traits = {"email": SECRET, "badge": "B-77812", "diet": "kosher", "city": "Lyon", "iban": "FR76"}
    Profile.objects.filter(pk=profile.pk).update(traits=traits)
    profile.refresh_from_db()
    create_family(
        kind="rfm",
        key="callers",
        name="Callers",
        event="Order Completed",
        value="phone",
        actor=TESTER,
    )
    return profile


def grouped(leaf: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the leaf, and trees that hide it."""
    everyone = {"type": "everyone"}
    yield leaf
    yield {"type": "not", "child": leaf}
    yield {"type": "or", "children": [everyone, {"type": "and", "children": [leaf, everyone]}]}
    yield {"type": "at_least", "count": 1, "children": [everyone, leaf]}


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_a_key_that_cannot_read_people_cannot_count_by_their_secrets(
    person: Profile, oracle: dict[str, Any]
) -> None:
    blind, seeing = make_client(*BLIND_SCOPES), make_client()
    for definition in grouped(oracle):
        body = {"definition": definition}
        assert seeing.post(f"{URL}preview/", body).status_code == 200
        assert blind.post(f"{URL}preview/", body).status_code == 403
        new = body | {"key": "guess", "name": "Guess"}
        assert blind.post(URL, new).status_code == 403
        assert not Segment.objects.filter(key="guess").exists()


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_a_sensitive_segment_shows_such_a_key_nobody(
    person: Profile, oracle: dict[str, Any]
) -> None:
    create_segment(key="secret", name="Secret", definition=oracle, actor=TESTER, status="live")
    leaning = {"type": "and", "children": [{"type": "segment", "key": "secret"}]}
    create_segment(key="leaning", name="Leaning", definition=leaning, actor=TESTER, status="live")
    rebuild(["secret", "leaning"], now=NOW)
    blind = make_client(*BLIND_SCOPES)
    for key in ("secret", "leaning"):
        for part in ("members/", "history/", f"why/?profile={person.uuid}"):
            assert blind.get(f"{URL}{key}/{part}").status_code == 403
        shown = blind.get(f"{URL}{key}/").json()
        assert shown["size"] == "< 10"
        assert SECRET.partition("@")[0] not in str(shown)
        assert blind.get(f"{URL}?size_min=0").json()["results"] == []
        assert blind.patch(f"{URL}{key}/", {"name": "Renamed"}).status_code == 403
        assert blind.post(f"{URL}{key}/refresh/").json()["size"] == "< 10"
    again = {"definition": {"type": "segment", "key": "leaning"}}
    assert blind.post(f"{URL}preview/", again).status_code == 403
    assert make_client().get(f"{URL}secret/").json()["definition"] == oracle


def test_no_family_is_made_of_secrets_by_such_a_key(person: Profile) -> None:
    blind = make_client(*BLIND_SCOPES)
    for value in ("email", "contact.phone", "badge"):
        body = {"key": "guess", "name": "Guess", "event": "Order Completed", "value": value}
        assert blind.post("/api/v1/rfm/", body).status_code == 403
        assert not SegmentFamily.objects.filter(key="guess").exists()
    invited = {"key": "guess", "name": "Guess", "event": "Invited ada@example.org"}
    assert blind.post("/api/v1/life-cycles/", invited).status_code == 403
    assert blind.get("/api/v1/rfm/").json()["results"] == []
    assert blind.get("/api/v1/rfm/callers/").status_code == 404
    assert [family["key"] for family in make_client().get("/api/v1/rfm/").json()["results"]] == [
        "callers"
    ]


def test_a_segment_becomes_sensitive_with_one_that_it_refers_to(person: Profile) -> None:
    base = create_segment(
        key="base", name="Base", definition=trait("city", "exists"), actor=TESTER, status="live"
    )
    create_segment(
        key="leaning",
        name="Leaning",
        definition={"type": "segment", "key": "base"},
        actor=TESTER,
        status="live",
    )
    rebuild(["base", "leaning"], now=NOW)
    blind = make_client(*BLIND_SCOPES)
    assert blind.get(f"{URL}leaning/members/").status_code == 200
    Segment.objects.filter(pk=base.pk).update(definition=trait("email", "exists"))
    assert blind.get(f"{URL}leaning/members/").status_code == 403


def test_ordinary_definitions_are_counted_by_everybody(person: Profile) -> None:
    blind = make_client(Scope.SEGMENTS_READ)
    for definition in (
        {"type": "everyone"},
        trait("city", "equals", "Lyon"),
        trait("plan", "equals", "gold"),
        event(),
        where("properties.name"),
        where("properties.category"),
    ):
        answer = blind.post(f"{URL}preview/", {"definition": definition})
        assert answer.status_code == 200, (definition, answer.content)


@pytest.mark.parametrize("key", ["properties.email", "context.ip", "context.device.token"])
def test_parts_of_events_that_reach_a_person_are_sensitive(person: Profile, key: str) -> None:
    body = {"definition": where(key)}
    assert make_client().post(f"{URL}preview/", body).status_code == 200
    assert make_client(*BLIND_SCOPES).post(f"{URL}preview/", body).status_code == 403


@settings(max_examples=tries(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["email", "Email", "e-mail", "E_MAIL", "homePhone", "iban", "badge", "Badge"]),
    st.sampled_from(["", "work.", "profile."]),
    st.sampled_from(["exists", "not_exists"]),
)
@example("email", "", "exists")
def test_no_spelling_of_a_key_is_ordinary(key: str, parent: str, operator: str) -> None:
    TraitDefinition.objects.get_or_create(
        key="badge", defaults={"type": "text", "category": "contact", "is_reviewed": True}
    )
    sensitivity = load_sensitivity()
    assert sensitivity.of(trait(f"{parent}{key}", operator)) != Category.ORDINARY


# Lists and look-ups of the API.

LISTS = [
    pytest.param(address, view, id=operation_id(address, method))
    for address, method, view in operations()
    if method == "get" and getattr(view, "filterset_class", None)
]


@pytest.mark.parametrize(("address", "view"), LISTS)
def test_no_list_of_the_api_answers_a_filter_that_it_does_not_declare(
    address: str, view: Any
) -> None:
    declared = view.filterset_class.base_filters
    model = view.filterset_class._meta.model or view.queryset.model
    names = {f"{name}{lookup}" for name in lookups_of(model) for lookup in LOOKUPS}
    # On every route REST framework reads this one, and refuses what it cannot render.
    names.discard(api_settings.URL_FORMAT_OVERRIDE)
    for part in batches(sorted(names - declared.keys()), 400):
        answer = make_client().get(address, dict.fromkeys(part, "a"))
        assert answer.status_code == 400
        assert {error["path"] for error in answer.json()["errors"]} == set(part)


@pytest.mark.parametrize("scope", Scope.values)
def test_each_scope_alone_opens_its_own_lists_and_look_ups_and_no_other(scope: str) -> None:
    client = make_client(scope)
    opened = set()
    for address, method, view in operations():
        own = declared_scope(view, method.upper()) if hasattr(view, "scopes") else None
        if own is not None and (method == "get" or "lookup" in address or "state" in address):
            is_open = getattr(client, method)(address).status_code != 403
            assert is_open == (own == scope), (address, method)
            opened |= {address} if is_open else set()
    # What shows people or finds them is never open to a key that may only send or define.
    if scope in (Scope.EVENTS_WRITE, Scope.PROFILES_WRITE, Scope.SEGMENTS_WRITE):
        assert opened == set()
    if scope != Scope.PROFILES_READ:
        assert not [address for address in opened if address.startswith("/api/v1/profiles/")]


# Staff.


def lookups_of(model: type[Model]) -> Iterator[str]:
    """Yield names by which a query string could ask for any field, of relations too."""
    for field in model._meta.get_fields():
        yield field.name
        if isinstance(field, JSONField):
            yield from (f"{field.name}__email", f"{field.name}__badge")
        if isinstance(field, ForeignKey):
            yield from (f"{field.name}__{inner.name}" for inner in field.related_model._meta.fields)
    yield from ("identifiers__value", "profile__traits__email", "identifier__value", "pk")


@pytest.mark.parametrize("role", ROLES)
def test_no_list_of_the_admin_answers_what_it_does_not_declare(role: str) -> None:
    make_world()
    client = sign_in(role)
    for model, model_admin in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        request = client.get(url).wsgi_request
        if not model_admin.has_view_permission(request):
            assert client.get(url).status_code == 403
            continue
        if model is Suppression:
            # Its page counts digests, and lists none.
            continue
        for name in lookups_of(model):
            for lookup in LOOKUPS:
                if model_admin.lookup_allowed(f"{name}{lookup}", "a", request):
                    # Declared filters ask for a whole value of a column that the list shows.
                    assert lookup in ("__exact", "")
                    declared = {
                        getattr(each, "parameter_name", each) for each in model_admin.list_filter
                    }
                    assert name.partition("__")[0] in declared
                    continue
                # One request a field is enough; the rule above is what all of them ask.
                if lookup == "__startswith":
                    response = client.get(url, {f"{name}{lookup}": "a"})
                    assert response.status_code == 400, (url, name, lookup)


def test_declared_filters_answer_only_whole_values_and_ranges() -> None:
    make_world()
    client = sign_in()
    url = reverse("admin:segments_segment_changelist")
    assert client.get(url, {"status__exact": "live"}).status_code == 200
    assert client.get(url, {"purpose__id__exact": "1"}).status_code == 200
    for name in ("status__regex", "status__startswith", "purpose__key__startswith", "status"):
        assert client.get(url, {name: "l"}).status_code == 400
    url = reverse("admin:profiles_apikey_changelist")
    since = {"created_at__gte": "2026-01-01 00:00:00+01:00"}
    assert client.get(url, since).status_code == 200
    url = reverse("admin:profiles_profile_changelist")
    assert client.get(url, {"known": "yes", "is_restricted__exact": "0"}).status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_no_order_of_a_list_is_one_that_it_does_not_declare(role: str) -> None:
    make_world()
    client = sign_in(role)
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        response = client.get(url, {"o": "1.-2.3"})
        page = (response.context or {}).get("cl")
        for column in page.list_display if page else ():
            is_declared = column in page.sortable_by
            assert is_declared or page.get_ordering_field(column) is None


def test_autocomplete_lists_no_people() -> None:
    make_world()
    # Nobody declares one: whatever is asked for, no list answers.
    for role in ROLES:
        for model, field in (("merge", "survivor"), ("traitlock", "profile")):
            query = {"app_label": "profiles", "model_name": model, "field_name": field, "term": "a"}
            assert sign_in(role).get("/admin/autocomplete/", query).status_code in (403, 404)


def test_a_marketer_neither_previews_nor_saves_nor_sees_by_secrets(person: Profile) -> None:
    secret = trait("email", "starts_with", "ada")
    segment = create_segment(
        key="secret", name="Secret", definition=secret, actor=TESTER, status="live"
    )
    rebuild(["secret"], now=NOW)
    marketer, officer = sign_in("marketer"), sign_in("privacy officer")
    preview = reverse("admin:segments_segment_preview")
    page = reverse("admin:segments_segment_change", args=[segment.pk])
    why = reverse("admin:segments_segment_why", args=[segment.pk, person.pk])
    listing = reverse("admin:segments_segment_changelist")
    body = {"definition": '{"type": "trait", "key": "email", "operator": "exists"}'}
    assert marketer.post(preview, body).context["result"].preview is None
    assert sign_in("admin").post(preview, body).context["result"].preview.size == 1
    # Neither by comparison with the saved definition, which is the secret.
    other = {"definition": '{"type": "everyone"}', "segment": "secret"}
    assert marketer.post(preview, other).context["result"].preview is None
    new = body | {"key": "guess", "name": "Guess", "status": "draft"}
    marketer.post(reverse("admin:segments_segment_add"), new)
    assert not Segment.objects.filter(key="guess").exists()
    assert marketer.post(page, new | {"name": "Changed"}).status_code == 403
    assert marketer.get(why).status_code == 403
    assert officer.get(why).status_code == 200
    shown = marketer.get(page).content.decode()
    assert "&lt; 10" in shown
    assert "&quot;ada&quot;" not in shown
    assert f"/profile/{person.pk}/" not in shown
    assert "&lt; 10" in marketer.get(listing).content.decode()
    profile = marketer.get(reverse("admin:profiles_profile_change", args=[person.pk]))
    assert "Secret" not in profile.content.decode()
    assert "Secret" not in marketer.get("/admin/").content.decode()
    assert f"/profile/{person.pk}/" in officer.get(tab(segment, "people")).content.decode()
    for name in TABS:
        hidden = marketer.get(tab(segment, name)).content.decode()
        assert "&quot;ada&quot;" not in hidden
        assert f"/profile/{person.pk}/" not in hidden


def tab(segment: Segment, name: str) -> str:
    return reverse(f"admin:segments_segment_{name}", args=[segment.pk])


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.org",
        "ada%40example.org",
        "+33 6 39 98 00 00",
        "06.39.98.00.00",
        "FR76 3000 6000 0112 3456 7890 189",
        "DE89370400440532013000",
        "4111 1111 1111 1111",
        "https://social.example/ada-lovelace",
        "www.example.org/ada",
        "203.0.113.9",
        "eyJhbGciOiJIUzI1NiJ9abc",
        "0b9f3d70-8f5c-4c0e-9b1e-2f4c9d1b7a11",
    ],
)
def test_a_text_that_nobody_reviewed_shows_nothing_that_reaches_a_person(value: str) -> None:
    mask = Mask(is_open=False)
    masked = mask.tree({"note": f"see {value} now", "list": [{"deep": value}], value: 1})
    assert value not in str(masked)
    assert masked["note"].startswith("see •••")
    assert len(mask.tree({"note": "word " * 60})["note"]) <= 81


def test_a_trait_is_shown_only_once_it_was_reviewed_as_ordinary(person: Profile) -> None:
    traits = {"iban": "FR76", "pregnant": True, "points": 4711, "since": "2020-01-01", "size": "XL"}
    Profile.objects.filter(pk=person.pk).update(traits=traits)
    marketer = sign_in("marketer")
    url = reverse("admin:profiles_profile_change", args=[person.pk])
    page = marketer.get(url).content.decode()
    for value in ("FR76", "4711", "2020-01-01", ">XL<", ">yes<"):
        assert value not in page
    TraitDefinition.objects.create(key="points", type="number", is_reviewed=True)
    TraitDefinition.objects.create(key="size", type="text")
    page = marketer.get(url).content.decode()
    assert "4711" in page
    assert "XL" not in page
