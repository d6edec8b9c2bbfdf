"""A catalogue that comes as a file: CSV, JSON lines, Excel or Parquet, read like imported files.

Invariant: each row of the file ends once, as created, changed, unchanged or refused with its
reason, and the same file twice changes nothing. A product that the file has not stays.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from io import BufferedReader
from itertools import islice
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from ingestion.catalogue.keep import FIELDS, SavedProducts, save_products
from ingestion.imports.faults import FileFault
from ingestion.imports.formats import (
    COMMA,
    NUMBER,
    TEXT,
    TYPED,
    Unreadable,
    is_blank,
    read_cell,
)
from ingestion.imports.inspect import inspect_file
from ingestion.imports.tables import BadRow, Row, open_table
from ingestion.models import Product
from profiles.lib import exact_json
from profiles.services import Actor

KEPT_REFUSALS = 100
AT_ONCE = 1_000
# By the name of the column without accents and signs, in English and French.
_NAMES: Mapping[str, str] = {
    "number": "id productid number sku idproduit reference ref numero",
    "name": "name title productname nom titre libelle",
    "category": "category categorypath producttype type categorie rayon",
    "price": "price unitprice listprice prix prixht",
    "cost": "cost unitcost costprice cout prixdachat",
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names.split()}
_ATTRIBUTES = "attributes."


class RefusedProduct(NamedTuple):
    """A row that was not taken: its number in the file, the column, and what would be right."""

    number: int
    column: str
    detail: str


@dataclass(slots=True)
class CatalogueReport:
    """How the rows of a file ended; `first_refused` are the first 100 that were refused."""

    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    first_refused: list[RefusedProduct] = field(default_factory=list)

    def refuse(self, refusal: RefusedProduct) -> None:
        self.refused += 1
        if len(self.first_refused) < KEPT_REFUSALS:
            self.first_refused.append(refusal)

    def add(self, saved: SavedProducts, taken: int) -> None:
        """Count what was saved; rows that a later row of their number replaces were unchanged."""
        self.created += saved.created
        self.changed += saved.changed
        self.unchanged += taken - saved.created - saved.changed


def import_products(
    content: BufferedReader, *, actor: Actor, is_dry_run: bool = False
) -> CatalogueReport:
    """Create or replace the products of a file, all of it or nothing; a dry run writes nothing.

    Raises FileFault where the file cannot be read, or has no column that numbers or names products.
    """
    inspection = inspect_file(content)
    targets = _targets(column.name for column in inspection.columns)
    report = CatalogueReport(columns=targets)
    formats = inspection.formats
    content.seek(0)
    with open_table(content, inspection.reading) as table, transaction.atomic():
        while rows := list(islice(table.rows, AT_ONCE)):
            report.rows += len(rows)
            products = list(_products(rows, targets, formats, report))
            report.add(save_products(products, actor=actor), len(products))
        transaction.set_rollback(is_dry_run)
    return report


def _targets(columns: Iterable[str]) -> dict[str, str]:
    """Return the field of each column; what is no field of a product is an attribute."""
    targets: dict[str, str] = {}
    for column in columns:
        target = _FIELDS.get(_plain(column), "")
        if not target or target in targets.values():
            target = _ATTRIBUTES + column.removeprefix(_ATTRIBUTES)
        targets[column] = target
    if missing := {"number", "name"} - set(targets.values()):
        names = " and ".join(sorted(missing, reverse=True))
        raise FileFault(f"No column is the {names} of products, such as id and name.")
    return targets


def _plain(column: str) -> str:
    letters = unicodedata.normalize("NFKD", column.lower())
    return re.sub(r"[^a-z0-9]", "", letters)


def _products(
    rows: Iterable[Row | BadRow],
    targets: Mapping[str, str],
    formats: Mapping[str, str],
    report: CatalogueReport,
) -> Iterator[dict[str, Any]]:
    """Yield the products of rows that are right, and report the others."""
    for row in rows:
        if isinstance(row, BadRow):
            report.refuse(RefusedProduct(row.number, "", row.detail))
            continue
        try:
            yield _judged(_fields(row.cells, targets, formats), targets)
        except _WrongCell as error:
            report.refuse(RefusedProduct(row.number, error.column, str(error)))


class _WrongCell(ValueError):
    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column


def _fields(
    cells: Mapping[str, Any], targets: Mapping[str, str], formats: Mapping[str, str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {"attributes": {}, "category": "", "price": None, "cost": None}
    for column, cell in cells.items():
        target = targets.get(column, _ATTRIBUTES + column)
        if is_blank(cell):
            continue
        if target.startswith(_ATTRIBUTES):
            fields["attributes"][target.removeprefix(_ATTRIBUTES)] = _attribute(
                cell, formats.get(column, TEXT)
            )
        elif target in ("price", "cost"):
            fields[target] = _amount(cell, column, formats.get(column, NUMBER))
        else:
            fields[target] = str(read_cell(cell, TEXT)).strip()
    fields["attributes"] = exact_json.with_floats(fields["attributes"])
    return fields


def _attribute(cell: Any, format_: str) -> Any:
    """Return a number where all cells of the column are some, else the cell as it stands."""
    return read_cell(cell, format_ if format_ in (NUMBER, COMMA) else TYPED)


def _amount(cell: Any, column: str, format_: str) -> Decimal:
    try:
        value = read_cell(cell, format_ if format_ in (NUMBER, COMMA) else NUMBER)
        return Decimal(str(value))
    except (Unreadable, InvalidOperation):
        raise _WrongCell(column, "a number, such as 12.50") from None


def _judged(fields: dict[str, Any], targets: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a product that the catalogue can keep. Raises _WrongCell."""
    for name in ("number", "name"):
        if not fields.get(name):
            raise _WrongCell(_column_of(name, targets), "It is needed.")
    try:
        Product(**fields).clean_fields(exclude=["updated_at", "id"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise _WrongCell(_column_of(name, targets), " ".join(messages)) from None
    return {name: fields[name] for name in ("number", *FIELDS)}


def _column_of(name: str, targets: Mapping[str, str]) -> str:
    return next((column for column, target in targets.items() if target == name), name)
