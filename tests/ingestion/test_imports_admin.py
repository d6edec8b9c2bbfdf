"""Importing files in the admin: upload, mapping, dry run, progress, refused rows."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingestion.models import FileImport, SavedMapping
from ingestion.services import drain_inbox, finish_import
from profiles.models import Profile
from tests.admin import sign_in
from tests.factories import make_purpose, make_source, profile_of
from tests.ingestion.files import csv_of

pytestmark = pytest.mark.django_db
COLUMNS = ("Mail", "Ville", "Inscription", "newsletter")
CONTENT = csv_of(
    COLUMNS,
    ("ada@example.org", "Orléans", "31/12/2025", "oui"),
    ("nobody", "Nîmes", "30/12/2025", "non"),
    delimiter=";",
    encoding="cp1252",
)
FIELDS = {
    "encoding": "cp1252",
    "delimiter": ";",
    "has_header": "on",
    "call": "identify",
    "target-0": "email",
    "target-1": "traits.city",
    "target-2": "timestamp",
    "target-3": "consents.newsletter",
    "format-2": "%d/%m/%Y",
    "timezone": "Europe/Paris",
    "evidence": "Keep me informed",
}


def upload(client: Client) -> FileImport:
    file = SimpleUploadedFile("people.csv", CONTENT)
    source = make_source(key="crm")
    make_purpose()
    url = reverse("admin:ingestion_fileimport_upload")
    assert client.post(url, {"source": source.pk, "file": file}).status_code == 302
    return FileImport.objects.get()


def page(name: str, file_import: FileImport) -> str:
    return reverse(f"admin:ingestion_fileimport_{name}", args=[file_import.pk])


def test_staff_see_what_was_found_out_try_and_start() -> None:
    client = sign_in("steward")
    file_import = upload(client)
    shown = client.get(page("mapping", file_import)).content.decode()
    for text in ("Orléans", "cp1252", 'value="email"', 'value="consents.newsletter"', "found:"):
        assert text in shown
    tried = client.post(page("mapping", file_import), FIELDS | {"try": ""})
    report: Any = tried.context["report"]
    assert (report.rows, report.stored, report.refused, report.new) == (2, 1, 1, 1)
    assert not Profile.objects.exists()
    started = client.post(page("mapping", file_import), FIELDS | {"start": "", "save_as": "crm"})
    assert started.status_code == 302
    assert SavedMapping.objects.get(key="crm").mapping["timezone"] == "Europe/Paris"
    running = client.get(page("change", file_import)).content.decode()
    assert "every 2s" in running
    file_import.refresh_from_db()
    finish_import(file_import, drain_inbox)
    assert profile_of("email:ada@example.org").traits["city"] == "Orléans"
    done = client.get(page("progress", file_import)).content.decode()
    assert "invalid_identifier" in done
    assert "nobody" in done
    assert "every 2s" not in done
    refused = client.get(page("refused", file_import))
    assert b"nobody;" not in b"".join(refused.streaming_content)  # type: ignore[arg-type]
    assert client.get(page("mapping", file_import)).status_code == 302


def test_what_is_wrong_with_a_mapping_is_shown_with_its_column() -> None:
    client = sign_in("steward")
    file_import = upload(client)
    wrong = FIELDS | {"target-0": "e-mail", "target-2": ""}
    answer = client.post(page("mapping", file_import), wrong | {"start": ""})
    text = answer.content.decode()
    assert "columns.Mail" in text
    assert "as_of" in text
    # What was said stays on the page.
    assert 'value="e-mail"' in text
    file_import.refresh_from_db()
    assert file_import.status == "uploaded"


def test_another_delimiter_shows_other_columns() -> None:
    client = sign_in("steward")
    file_import = upload(client)
    answer = client.post(page("mapping", file_import), FIELDS | {"delimiter": ",", "reread": ""})
    assert len(answer.context["columns"]) == 1


def test_cells_are_hidden_from_who_may_not_see_contacts() -> None:
    file_import = upload(sign_in("steward"))
    client = sign_in("marketer")
    for name in ("change", "progress", "mapping", "refused"):
        assert client.get(page(name, file_import)).status_code == 403


def test_an_import_is_cancelled_by_a_post_alone() -> None:
    client = sign_in("steward")
    file_import = upload(client)
    assert client.get(page("cancel", file_import)).status_code == 405
    client.post(page("cancel", file_import))
    file_import.refresh_from_db()
    assert (file_import.status, file_import.parts.count()) == ("cancelled", 0)
