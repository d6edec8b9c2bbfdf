"""Reading files: formats, encodings, delimiters, headers, and rows that cannot be read."""

import gzip
import io
import json
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.imports.content import PartsFile
from ingestion.imports.encodings import is_encoding
from ingestion.imports.faults import FileFault
from ingestion.imports.formats import (
    Unreadable,
    date_formats,
    detect_format,
    is_format,
    read_cell,
    read_moment,
)
from ingestion.imports.inspect import Inspection, inspect_file
from ingestion.imports.proposals import propose_mapping
from ingestion.imports.tables import BadRow, Reading, Row, open_table
from ingestion.services import add_part, begin_import
from tests.factories import TESTER, make_source
from tests.ingestion.files import csv_of
from tests.tries import tries

FRENCH = ["Zoé à Orléans, près de la forêt", "Hélène Côté-Müller", "Façade à l'été où ça gêne"]


def opened(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


def inspected(content: bytes) -> Inspection:
    return inspect_file(opened(content))


def rows_of(content: bytes, **overrides: object) -> list[Row | BadRow]:
    reading = inspect_file(opened(content), overrides).reading
    with open_table(opened(content), reading) as table:
        return list(table.rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str) -> None:
    lines = [(number, text) for number, text in enumerate(FRENCH * 5)]
    content = csv_of(("No", "Phrase"), *lines, delimiter=delimiter, encoding=encoding)
    found = inspected(content)
    assert (found.reading.delimiter, found.reading.has_header) == (delimiter, True)
    rows = rows_of(content)
    assert [row.cells["Phrase"] for row in rows] == [text for _, text in lines]


def test_one_damaged_byte_costs_one_row_and_not_the_encoding() -> None:
    good = csv_of(("No", "Ville"), *[(n, "Orléans") for n in range(20)])
    rows = rows_of(good + b"20,Orl\xe9ans\r\n" + "21,Nîmes\r\n".encode())
    assert [row.number for row in rows if isinstance(row, BadRow)] == [22]
    assert rows[-1].cells == {"No": "21", "Ville": "Nîmes"}


def test_cells_hold_delimiters_quotation_marks_and_line_ends() -> None:
    odd = 'a "b", c\r\nd;\te'
    content = csv_of(("x", "y"), (odd, "1"), ("plain", "2"))
    assert [row.cells["x"] for row in rows_of(content)] == [odd, "plain"]


def test_a_quotation_mark_that_is_never_closed_costs_what_it_swallows_and_no_more_memory() -> None:
    lines = b"".join(b"%d,aaaaaaaaaaaaaaaaaaaaaaaa\n" % n for n in range(9000))
    rows = rows_of(b'x,y\n1,"open\n' + lines)
    assert any(isinstance(row, BadRow) and row.code == "unreadable_row" for row in rows)
    assert sum(isinstance(row, Row) for row in rows) > 4000


def test_a_first_row_of_values_is_no_header() -> None:
    found = inspected(b"ada@example.org,Lyon\nbob@example.org,Nice\n")
    assert not found.reading.has_header
    assert [column.name for column in found.columns] == ["column 1", "column 2"]
    rows = rows_of(b"ada@example.org,Lyon\nbob@example.org,Nice\n")
    assert [row.number for row in rows] == [1, 2]


def test_equal_and_empty_names_of_columns_are_told_apart() -> None:
    found = inspected(b"a,a,,b\n1,2,3,4\n5,6,7,8\n")
    assert [column.name for column in found.columns] == ["a", "a (2)", "column 3", "b"]


def test_a_table_that_is_laid_out_by_blanks_is_read() -> None:
    content = b" id  date      n   value\n 00001 19970101  1   11.77\n 00002 19970112 12   12.00\n"
    rows = rows_of(content)
    assert rows[1].cells == {"id": "00002", "date": "19970112", "n": "12", "value": "12.00"}


def test_json_lines_keep_their_types_and_nested_names() -> None:
    lines = b'{"a": 1.10, "b": {"c": true}}\nnot json\n\n[1]\n{"a": null}\n'
    rows = rows_of(lines)
    assert rows[0].cells == {"a": Decimal("1.10"), "b.c": True}
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row]
    assert [row.number for row in rows] == [1, 2, 4, 5]


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with duckdb.connect() as database:
        database.execute(
            "COPY (SELECT n, n / 4 AS q, 'Orléans ' || n AS city, TIMESTAMPTZ '2025-01-02 03:04Z'"
            f" AS at FROM range(12000) r(n)) TO '{path}'"
        )
    rows = rows_of(path.read_bytes())
    assert len(rows) == 12000
    assert rows[9].number == 10
    assert rows[9].cells["q"] == Decimal("2.25")
    assert rows[9].cells["at"] == datetime(2025, 1, 2, 3, 4, tzinfo=UTC)


def test_packed_files_are_opened_and_bombs_are_not(settings: object) -> None:
    content = csv_of(("x", "y"), *[(n, n) for n in range(100)])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/x.csv", content)
        archive.writestr("__MACOSX/._x.csv", b"junk")
    for packing in (gzip.compress(content), packed.getvalue()):
        assert len(rows_of(packing)) == 100
    settings.IMPORT_MAX_BYTES = 500  # type: ignore[attr-defined]
    for packing in (gzip.compress(content), packed.getvalue()):
        with pytest.raises(FileFault, match="IMPORT_MAX_BYTES"):
            rows_of(packing)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04broken", b"PAR1broken", b"\x1f\x8bbroken", b"\xd0\xcf\x11\xe0broken"]
)
def test_a_damaged_file_is_refused_with_words(content: bytes) -> None:
    with pytest.raises(FileFault):
        rows_of(content)


def zip_of(content: bytes, method: int) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.csv", content)
    return bytearray(packed.getvalue())


@pytest.mark.parametrize("packing", ["gzip", "deflated", "bzip2", "lzma", "unknown", "renamed"])
def test_packed_bytes_that_are_damaged_are_refused_with_words(packing: str) -> None:
    content = b"a,b\n" + bytes(range(256)) * 300
    methods = {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
    packed = zip_of(content, methods.get(packing, zipfile.ZIP_DEFLATED))
    if packing == "gzip":
        packed = bytearray(gzip.compress(content))
    if packing == "unknown":
        packed[packed.index(b"PK\x01\x02") + 10] = 99
    elif packing == "renamed":
        packed[packed.index(b"a.csv")] = ord("b")
    else:
        packed[45:90] = b"\xff" * 45
    with pytest.raises(FileFault, match="damaged"):
        rows_of(bytes(packed))


@pytest.mark.parametrize("encoding", ["utf-16", "UTF_16", "utf-32", "UTF-32", "hz", "iso2022_jp"])
def test_a_file_in_another_encoding_is_refused_or_read_and_breaks_nothing(encoding: str) -> None:
    for content in (b"a,b\n\x1b$B\x7f\x7f,~{zz\n", b"a,b\n1,2", b" "):
        with suppress(FileFault):
            rows_of(content, encoding=encoding)


def test_encodings_that_read_no_damaged_text_are_none() -> None:
    names = ("utf-8", "UTF_16", "cp1252", "gb18030", "idna", "punycode", "undefined", "rot13", "x")
    assert [name for name in names if is_encoding(name)] == ["utf-8", "UTF_16", "cp1252", "gb18030"]


def test_the_name_of_a_column_can_be_stored_whatever_its_bytes_are() -> None:
    content = "Pr\xe9nom,a\0b\nx,1\n".encode("cp1252")
    inspection = inspect_file(opened(content), {"encoding": "utf-8"})
    assert [column.name for column in inspection.columns] == ["Pr\ufffdnom", "a\ufffdb"]


@pytest.mark.parametrize("pattern", ["%d%d", "%y%y", "%d/%m/%Y%d", "%", "%Q", "plain"])
def test_a_pattern_that_reads_nothing_is_no_format(pattern: str) -> None:
    assert not is_format(pattern)


def test_two_files_in_a_zip_are_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", b"a,b\n1,2\n")
        archive.writestr("b.csv", b"a,b\n1,2\n")
    with pytest.raises(FileFault, match="one file"):
        rows_of(packed.getvalue())


@pytest.mark.parametrize(
    ("cells", "format_"),
    [
        (["1", "2.50", "-3"], "number"),
        (["01000", "75001"], "text"),
        (["12,50", "1.234,00"], "decimal_comma"),
        (["31/12/2025", "01/02/2025"], "%d/%m/%Y"),
        (["12/31/2025", "01/02/2025"], "%m/%d/%Y"),
        (["2025-12-31T10:00:00Z"], "iso"),
        (["true", "false"], "boolean"),
        (["Lyon", "1"], "text"),
        ([], "text"),
    ],
)
def test_formats_are_found_out(cells: list[str], format_: str) -> None:
    assert detect_format(cells) == format_


def test_a_day_and_a_month_that_can_swap_are_both_offered() -> None:
    assert date_formats(["01/02/2025"])[:2] == ["%d/%m/%Y", "%m/%d/%Y"]


@pytest.mark.parametrize(
    ("cell", "format_", "value"),
    [
        ("1 234,50 €", "decimal_comma", Decimal("1234.50")),
        ("1,234.50", "decimal_point", Decimal("1234.50")),
        ("007", "number", 7),
        ("007", "text", "007"),
        ("Oui", "boolean", True),
        ("31/12/2025", "%d/%m/%Y", "2025-12-31"),
        ("31/12/2025 08:30", "%d/%m/%Y %H:%M", "2025-12-31T08:30:00"),
    ],
)
def test_cells_are_read_by_their_format(cell: str, format_: str, value: object) -> None:
    assert read_cell(cell, format_) == value


@pytest.mark.parametrize(
    ("cell", "format_"),
    [
        ("12,50", "number"),
        ("1,2,3", "decimal_point"),
        ("perhaps", "boolean"),
        ("31/02/2025", "%d/%m/%Y"),
    ],
)
def test_a_cell_that_does_not_fit_is_refused(cell: str, format_: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_cell(cell, format_)
    assert cell not in str(refusal.value)


def test_a_time_without_a_zone_is_one_of_the_files_zone() -> None:
    paris = ZoneInfo("Europe/Paris")
    noon = datetime(2025, 7, 1, 10, tzinfo=UTC)
    assert read_moment("01/07/2025 12:00", "%d/%m/%Y %H:%M", paris) == noon
    assert read_moment("2025-07-01T12:00:00", "iso", paris) == noon
    assert read_moment("2025-07-01T10:00:00Z", "iso", paris) == noon


def test_the_proposal_knows_the_usual_names_in_french_and_english() -> None:
    content = csv_of(
        ("Adresse e-mail", "Prénom", "Ville", "Date de création", "Newsletter"),
        ("a@example.org", "Ada", "Lyon", "31/12/2025", "oui"),
        ("b@example.org", "Bob", "Nice", "30/12/2025", "non"),
    )
    mapping = propose_mapping(inspected(content).columns, {"newsletter"})
    assert mapping == {
        "call": "identify",
        "columns": {
            "Adresse e-mail": "email",
            "Prénom": "traits.first_name",
            "Ville": "traits.city",
            "Date de création": "timestamp",
            "Newsletter": "consents.newsletter",
        },
        "formats": {"Date de création": "%d/%m/%Y"},
    }


@settings(max_examples=tries(60), deadline=None)
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=6),
            min_size=2,
            max_size=2,
        ),
        max_size=8,
    )
)
def test_what_was_written_is_read(rows: list[list[str]]) -> None:
    content = csv_of(("x", "y"), *rows)
    reading = Reading("csv", "utf-8", ",", True)
    with open_table(opened(content), reading) as table:
        assert [list(row.cells.values()) for row in table.rows] == rows


@pytest.mark.django_db
def test_parts_of_an_upload_read_like_one_file() -> None:
    content = bytes(range(256)) * 20
    file = begin_import(make_source(), "x", len(content), actor=TESTER)
    for start in range(0, len(content), 700):
        file = add_part(file, start, content[start : start + 700], actor=TESTER)
    with io.BufferedReader(PartsFile(file), 64) as stream:
        assert stream.read() == content
        stream.seek(-1000, io.SEEK_END)
        assert stream.read(10) == content[-1000:-990]
    assert json.dumps(file.digest)
