"""A catalogue from a file: each row ends once, twice is once, and nothing is guessed."""

import gzip
import io
from decimal import Decimal
from io import BufferedReader, BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.models import Product
from ingestion.services import CatalogueReport, FileFault, import_products
from profiles.models import AuditEntry
from tests.admin import sign_in
from tests.factories import TESTER
from tests.tries import tries

pytestmark = pytest.mark.django_db
CSV = """Référence;Nom;Catégorie;Prix;Couleur;Poids
P-1;Couteau;Maison > Cuisine;20,50;noir;0,2
P-2;Planche;Maison > Cuisine;12,00;;1,5
P-3;;Maison;1,00;;
"""


def take(content: bytes | str, *, is_dry_run: bool = False) -> CatalogueReport:
    raw = content.encode() if isinstance(content, str) else content
    file: Any = BytesIO(raw)
    return import_products(BufferedReader(file), actor=TESTER, is_dry_run=is_dry_run)


def counts(report: CatalogueReport) -> tuple[int, ...]:
    return report.rows, report.created, report.changed, report.unchanged, report.refused


def test_a_file_fills_the_catalogue_and_twice_changes_nothing() -> None:
    report = take(CSV)
    assert counts(report) == (3, 2, 0, 0, 1)
    assert [tuple(row) for row in report.first_refused] == [(4, "Nom", "It is needed.")]
    knife = Product.objects.get(number="P-1")
    assert (knife.name, knife.category, knife.price) == ("Couteau", "Maison > Cuisine", 20.5)
    assert knife.attributes == {"Couleur": "noir", "Poids": 0.2}
    assert Product.objects.get(number="P-2").attributes == {"Poids": 1.5}
    entries = AuditEntry.objects.filter(verb="catalogue.changed")
    assert entries.count() == 1
    assert counts(take(gzip.compress(CSV.encode("cp1252")))) == (3, 0, 0, 2, 1)
    assert entries.count() == 1
    assert counts(take(CSV.replace("20,50", "21,00"))) == (3, 0, 1, 1, 1)


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    assert counts(take(CSV, is_dry_run=True)) == (3, 2, 0, 0, 1)
    assert not Product.objects.exists()
    assert not AuditEntry.objects.filter(verb="catalogue.changed").exists()


def test_json_lines_keep_the_types_of_attributes() -> None:
    take(
        '{"id": "A", "name": "Lamp", "price": 9.5, "attributes": {"dim": {"w": 2}, "tags": [1]}}\n'
        '{"id": 7, "name": "Chair", "cost": 3}\n'
    )
    lamp, chair = Product.objects.get(number="A"), Product.objects.get(number="7")
    assert lamp.attributes == {"dim.w": 2, "tags": [1]}
    assert (lamp.price, chair.cost, chair.price) == (Decimal("9.5"), 3, None)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("a/b,Lamp,1", "sku"),
        (f"{'x' * 256},Lamp,1", "sku"),
        ("L-1,Lamp,-1", "price"),
        ("L-1,Lamp,cheap", "price"),
        ("L-1,Lamp,1.23456", "price"),
        (",Lamp,1", "sku"),
    ],
)
def test_a_row_that_is_no_product_is_refused_with_its_column(row: str, column: str) -> None:
    report = take(f"sku,title,price\nK-1,Knife,2\n{row}\n")
    assert counts(report) == (2, 1, 0, 0, 1)
    assert (report.first_refused[0].number, report.first_refused[0].column) == (3, column)


def test_a_file_without_numbers_or_names_is_refused_as_a_whole() -> None:
    for content in ("colour,price\nred,1\n", "id,price\n1,2\n"):
        with pytest.raises(FileFault, match="No column is the"):
            take(content)
    assert not Product.objects.exists()


def test_a_later_row_of_a_number_holds() -> None:
    rows = "".join(f"{number % 3},Name {number},{number}\n" for number in range(2_500))
    report = take("id,name,price\n" + rows)
    assert sum(counts(report)[1:]) == report.rows == 2_500
    assert {row.number: row.price for row in Product.objects.all()} == {
        "0": 2_499,
        "1": 2_497,
        "2": 2_498,
    }


def test_the_command_and_the_page_take_files(tmp_path: Path) -> None:
    path, out = tmp_path / "catalogue.csv", StringIO()
    path.write_text(CSV)
    call_command("import_products", path, stdout=out, stderr=StringIO())
    assert out.getvalue().strip() == "rows 3, created 2, changed 0, unchanged 0, refused 1"
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_products", tmp_path / "none.csv")
    url = reverse("admin:ingestion_product_upload")

    def post(role: str, **more: str) -> Any:
        file = SimpleUploadedFile("new.csv", b"id,name\nN-1,New\n,Nobody\n")
        return sign_in(role).post(url, {"file": file, **more})

    assert "nothing was written" in post("admin", **{"try": ""}).content.decode()
    assert not Product.objects.filter(number="N-1").exists()
    page = post("admin", save="").content.decode()
    assert "It is needed." in page
    assert Product.objects.filter(number="N-1").exists()
    assert post("auditor").status_code == 403
    assert (
        "No column is the"
        in sign_in("admin")
        .post(url, {"file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")})
        .content.decode()
    )


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@settings(max_examples=tries(60), deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_every_row_of_any_file_ends_once(rows: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    for row in [("id", "name", "price"), *rows]:
        out.write(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n")
    report = take(out.getvalue(), is_dry_run=True)
    assert sum(counts(report)[1:]) == report.rows == len(rows)
