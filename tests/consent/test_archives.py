"""The copy of their data that a person gets: what is in it, and how it is fetched."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from consent.models import AccessArchive, PrivacyRequest
from consent.requests.archives.legible import text_of
from consent.requests.archives.names import TITLES
from consent.services import act_on_requests, public_keys, take_archive
from profiles.lib.database import database_now
from profiles.models import AuditEntry, Profile, SourceRecord, TraitDefinition
from profiles.registry import registry
from segments.models import MemberExport, MembershipChange
from segments.services import create_segment
from tests.consent.callers import BASE, read_archive, service
from tests.factories import NOW, TESTER, make_profile, make_purpose, make_source, send_messages

pytestmark = pytest.mark.django_db
REQUESTS = f"{BASE}/privacy/requests/"
ORDER = {
    "type": "track",
    "userId": "1",
    "event": "Order Completed",
    "properties": {"revenue": 19.99, "number": 12345678901234567890},
}


def make_ada(**overrides: Any) -> Profile:
    profile = make_profile("email:ada@example.org", "user_id:1", **overrides)
    SourceRecord.objects.create(
        identifier=profile.identifiers.get(namespace="email"),
        profile=profile,
        source=make_source(key="crm"),
        trust=2,
        traits={"city": ["Lyon", 1], "score": [3, 1]},
    )
    TraitDefinition.objects.update_or_create(key="score", defaults={"origin": "inferred"})
    return profile


def url_of_new(kind: str, client: APIClient, **fields: Any) -> str:
    body = {"kind": kind, "identifiers": ["user_id:1"], "reason": "asked", **fields}
    return f"{REQUESTS}{client.post(REQUESTS, body).json()['id']}/archive/"


def files_of(kind: str = "access", **fields: Any) -> dict[str, Any]:
    client = service("privacy:act")
    url = url_of_new(kind, client, **fields)
    act_on_requests()
    return read_archive(client.get(url).content)


def test_the_copy_holds_everything_with_its_sources_and_purposes() -> None:
    make_purpose(categories=["contact"], recipients=["the printer"], retention="3 years")
    ada = make_ada(traits={"city": "Lyon"})
    files = files_of()
    profile = files["data.json"]["profiles"][0]
    assert profile["id"] == str(ada.uuid)
    assert profile["traits"] == {"city": "Lyon"}
    assert {row["value"] for row in profile["sections"]["Identifiers"]} >= {"ada@example.org", "1"}
    assert profile["consents"]["newsletter"]["permitted"] is False
    assert files["article15.json"]["sources"] == [{"key": "crm", "name": "Crm", "party": "first"}]
    assert files["article15.json"]["purposes"][0]["recipients"] == ["the printer"]
    stated = profile["sections"]["What sources say"][0]["traits"]["city"]
    assert stated == {"value": "Lyon", "at": "1970-01-01T00:00:00.000001Z", "party": "first"}


def test_every_declared_section_is_a_part_of_the_copy() -> None:
    make_ada()
    sections = files_of()["data.json"]["profiles"][0]["sections"]
    assert list(sections) == [data.title for data in registry if data.overrides("read")]


def test_portability_gives_only_what_was_given_and_observed() -> None:
    make_ada(traits={"score": 3})
    files = files_of("portability")
    assert {"portability.json", "portability.schema.json", "signature.json"} < set(files)
    assert not {"data.json", "summary.html"} & set(files)
    assert "score" not in json.dumps(files["portability.json"])
    stated = files["portability.json"]["profiles"][0]["sections"]["What sources say"]
    assert stated == [
        {
            "source": "crm",
            "traits": {
                "city": {"value": "Lyon", "at": "1970-01-01T00:00:00.000001Z", "party": "first"}
            },
        }
    ]


def test_numbers_are_as_exact_as_they_came() -> None:
    send_messages(ORDER)
    client = service("privacy:act")
    url = url_of_new("access", client)
    act_on_requests()
    with zipfile.ZipFile(io.BytesIO(client.get(url).content)) as archive:
        text = archive.read("data.json").decode()
    assert '"revenue":19.99' in text
    assert '"number":12345678901234567890' in text


def test_the_files_match_the_schemas_that_are_published() -> None:
    make_ada(traits={"city": "Lyon"})
    send_messages(ORDER)
    files = files_of()
    for name in ("data", "portability"):
        published = APIClient().get(f"/privacy/schemas/{name}.json").json()
        assert published == files[f"{name}.schema.json"]
        Draft202012Validator.check_schema(published)
        Draft202012Validator(published).validate(files[f"{name}.json"])
    wrong = files["portability.json"] | {"profiles": [{"id": None, "sections": {"Merges": [{}]}}]}
    assert not Draft202012Validator(published).is_valid(wrong)
    assert APIClient().get("/privacy/schemas/other.json").status_code == 404


def test_the_signature_covers_every_file() -> None:
    make_ada()
    client = service("privacy:act")
    url = url_of_new("access", client)
    act_on_requests()
    with zipfile.ZipFile(io.BytesIO(client.get(url).content)) as archive:
        signature = json.loads(archive.read("signature.json"))
        digests = {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if name != "signature.json"
        }
    key = jwt.PyJWK(public_keys()["keys"][0])
    signed = jwt.decode(signature["jws"], key, algorithms=["EdDSA"])
    assert signed["sha256"] == signature["sha256"] == digests


def test_tables_of_the_copy_plant_no_formula() -> None:
    make_ada()
    SourceRecord.objects.update(traits={"city": ["=1+1", 1]})
    table = files_of("portability")["csv/what-sources-say.csv"].removeprefix("\ufeff")
    [row] = csv.DictReader(io.StringIO(table))
    assert row == {
        "source": "crm",
        "trait": "city",
        "value": "'=1+1",
        "at": "1970-01-01T00:00:00.000001Z",
    }


@pytest.mark.parametrize(
    ("language", "words"), [("en-gb", "Groups you are in"), ("fr", "Vos droits")]
)
def test_the_summary_can_be_read_in_the_language_of_the_person(language: str, words: str) -> None:
    make_purpose(text="We write <b>letters</b>.")
    make_ada(traits={"city": "Lyon <script>"})
    page = files_of(language=language)["summary.html"]
    assert words in page
    assert "Lyon &lt;script&gt;" in page
    assert "We write &lt;b&gt;letters&lt;/b&gt;." in page
    for loaded in ("<script", "src=", "<link", "url("):
        assert loaded not in page


def test_the_copy_names_who_got_the_data() -> None:
    ada = make_ada()
    segment = create_segment(
        key="all", name="All", definition={"type": "everyone"}, purpose=None, actor=TESTER
    )
    MembershipChange.objects.create(
        id=1, profile=ada, segment=segment, changed_at=NOW, has_entered=True, reason="change"
    )
    MemberExport.objects.create(
        name=segment.name,
        segment=segment,
        purpose=make_purpose(),
        actor=str(TESTER),
        format="csv",
        columns=["id"],
        members=1,
        written=1,
        started_at=NOW + timedelta(hours=1),
        moved_at=NOW + timedelta(hours=2),
    )
    [handling] = files_of()["article15.json"]["profiles"]
    assert handling["recipients"] == [
        {"name": segment.name, "kind": "export", "last_at": "2026-03-15T14:00:00Z"}
    ]


def test_a_rejected_message_is_shown_whole_only_to_the_one_person_it_names() -> None:
    make_ada()
    # Of a type that there is not.
    unreadable = {"type": "purchase", "userId": "1"}
    send_messages({**unreadable, "properties": {"note": "secret"}})
    send_messages({**unreadable, "properties": {"to": "eve@example.org"}})
    sections = files_of()["data.json"]["profiles"][0]["sections"]
    shared, own = sections["Messages that could not be taken"]
    assert "secret" in own["content"]
    assert shared["content"] is None
    assert own["source"] == shared["source"] == "shop"


def test_an_archive_is_fetched_ten_times_at_most_and_each_fetch_is_in_the_audit() -> None:
    make_ada()
    client = service("privacy:act")
    url = url_of_new("access", client)
    assert client.get(url).status_code == 404
    assert client.post(f"{url}confirm/").status_code == 404
    act_on_requests()
    assert client.head(url).status_code == 405
    answers = [client.get(url) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [410]
    assert answers[0]["Content-Type"] == "application/zip"
    assert len({answer.content for answer in answers[:10]}) == 1
    assert AuditEntry.objects.filter(verb="privacy_request.archive_fetched").count() == 10


def test_a_download_that_broke_off_goes_on() -> None:
    make_ada()
    client = service("privacy:act")
    url = url_of_new("access", client)
    act_on_requests()
    whole = client.get(url)
    rest = client.get(url, headers={"range": "bytes=100-", "if-range": whole["ETag"]})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    size = len(whole.content)
    assert rest["Content-Range"] == f"bytes 100-{size - 1}/{size}"
    assert AccessArchive.objects.get().fetches == 1
    last = client.get(url, headers={"range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, whole.content[-5:])
    beyond = client.get(url, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{size}")
    other = client.get(url, headers={"range": "bytes=100-", "if-range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, size)
    strange = client.get(url, headers={"range": "bytes=0-1,5-6"})
    assert (strange.status_code, len(strange.content)) == (200, size)


def test_an_archive_that_was_received_and_confirmed_is_deleted() -> None:
    make_ada()
    client = service("privacy:act")
    url = url_of_new("access", client)
    act_on_requests()
    assert client.post(f"{url}confirm/").status_code == 410, "nobody has fetched it"
    client.get(url)
    assert [client.post(f"{url}confirm/").status_code for _ in range(2)] == [204, 204]
    assert client.get(url).status_code == 410
    assert bytes(AccessArchive.objects.get().content) == b""
    assert AuditEntry.objects.filter(verb="privacy_request.archive_confirmed").count() == 1


def test_an_archive_is_gone_after_its_days() -> None:
    make_ada()
    url_of_new("access", service("privacy:act"))
    act_on_requests()
    request = PrivacyRequest.objects.get()
    late = database_now() + timedelta(days=8)
    with pytest.raises(LookupError):
        take_archive(request, actor=TESTER, now=late)
    assert take_archive(request, actor=TESTER, now=late - timedelta(days=2))


def test_every_section_has_a_title_for_people_to_read() -> None:
    assert set(map(str, TITLES)) == {data.title for data in registry if data.overrides("read")}


def test_a_time_at_the_end_of_the_calendar_is_shown_as_it_is() -> None:
    with timezone.override("Pacific/Kiritimati"):
        assert text_of("9999-12-31T23:59:59-01:00") == "9999-12-31T23:59:59-01:00"
        assert text_of("0001-01-01T00:00:00+01:00") == "0001-01-01T00:00:00+01:00"
    assert text_of("2026-02-30T10:00:00.000Z") == "2026-02-30T10:00:00.000Z"
