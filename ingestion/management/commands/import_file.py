"""Import a file of rows in this process."""

import hashlib
import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ingestion.models import FileImport, RefusedRow
from ingestion.services import (
    MAX_PART_BYTES,
    FileFault,
    MappingFaults,
    TrialReport,
    add_part,
    begin_import,
    cancel_import,
    cells_of,
    drain_inbox,
    drain_is_paused,
    finish_import,
    received_bytes,
    start_import,
    try_import,
)
from profiles.lib import exact_json
from profiles.lib.documents import NotADocument, read_document
from profiles.models import Source
from profiles.services import Actor

ACTOR = Actor.system("import_file")
COUNTS = ("rows", "stored", "unchanged", "refused", "dropped")


class Command(BaseCommand):
    help = (
        "Import a CSV, TSV, JSON lines, Excel or Parquet file, also packed by gzip or zip. A run "
        "that was killed goes on where it was when it is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="The file.")
        parser.add_argument("--source", required=True, help="The key of the source it is of.")
        parser.add_argument(
            "--mapping", required=True, type=Path, help="A JSON or YAML file: docs/imports.md"
        )
        parser.add_argument("--dry-run", action="store_true", help="Write nothing, say what would.")
        parser.add_argument("--report", type=Path, help="Where the refused rows and counts go.")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Source.objects.filter(key=options["source"]).first()
        if source is None:
            raise CommandError(f"There is no source {options['source']}: make it by create_source.")
        mapping = _read_mapping(options["mapping"])
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            self._import(path, source, mapping, options)
        except MappingFaults as refused:
            lines = (f"{fault.path or 'mapping'}: {fault.detail}" for fault in refused.faults)
            raise CommandError("The mapping is refused.\n" + "\n".join(lines)) from None
        except FileFault as fault:
            raise CommandError(str(fault)) from None

    def _import(
        self, path: Path, source: Source, mapping: Mapping[str, Any], options: dict[str, Any]
    ) -> None:
        if options["dry_run"]:
            self._print_trial(_tried(path, source, mapping), options["report"])
            return
        file_import = _uploaded(path, source)
        if file_import.status == FileImport.Status.UPLOADED:
            file_import = start_import(file_import, mapping, actor=ACTOR)
        elif file_import.mapping != mapping:
            raise CommandError("This file is being imported by another mapping.")
        self._run(file_import)
        self._print_report(file_import, options["report"])

    def _run(self, file_import: FileImport) -> None:
        with tqdm(total=None, unit=" rows", disable=None) as progress:

            def drain() -> None:
                drain_inbox()
                file_import.refresh_from_db()
                progress.update(file_import.ended - progress.n)

            finish_import(file_import, drain)
        if file_import.status == FileImport.Status.FAILED:
            raise CommandError(file_import.fault)
        if file_import.status != FileImport.Status.DONE and drain_is_paused():
            raise CommandError("The drain is paused: too many messages failed alike.")

    def _print_trial(self, report: TrialReport, path: Path | None) -> None:
        for refusal in report.first_refused:
            self.stdout.write(f"row {refusal.number}: {refusal.column}: {refusal.detail}")
        self.stdout.write(
            f"People: {report.known} known, {report.new} new. "
            f"Rows that would merge people: {report.merging}. "
            f"Cells under forbidden names, which are left out: {report.forbidden}."
        )
        counts = {name: getattr(report, name) for name in COUNTS}
        if path:
            with path.open("w", encoding="utf-8") as file:
                for refusal in report.first_refused:
                    _write_refused(file, *refusal[1:5], refusal.cells)
                file.write(json.dumps(counts) + "\n")
        self.stdout.write(json.dumps(counts))

    def _print_report(self, file_import: FileImport, path: Path | None) -> None:
        counts = {name: getattr(file_import, name) for name in COUNTS}
        if path:
            with path.open("w", encoding="utf-8") as file:
                refused = RefusedRow.objects.filter(file_import=file_import).order_by("number")
                for row in refused.iterator(chunk_size=1000):
                    reason = (row.number, row.code, row.column, row.detail)
                    _write_refused(file, *reason, cells_of(row))
                file.write(json.dumps(counts) + "\n")
        self.stdout.write(json.dumps(counts))


def _tried(path: Path, source: Source, mapping: Mapping[str, Any]) -> TrialReport:
    """Try a copy of the file, of which nothing is kept."""
    file_import = _upload(path, source, path.stat().st_size)
    try:
        return try_import(file_import, mapping)
    finally:
        cancel_import(file_import, actor=ACTOR)
        file_import.delete()


def _uploaded(path: Path, source: Source) -> FileImport:
    """Return the import of this very file that a killed run left, or a new one."""
    digest, size = _digest(path), path.stat().st_size
    unfinished = (
        FileImport.Status.UPLOADED,
        FileImport.Status.READING,
        FileImport.Status.APPLYING,
    )
    left = FileImport.objects.filter(
        source=source, digest=digest, created_by=str(ACTOR), status__in=unfinished
    )
    return left.first() or _upload(path, source, size)


def _upload(path: Path, source: Source, size: int) -> FileImport:
    file_import = begin_import(source, path.name, size, actor=ACTOR)
    with path.open("rb") as file:
        while piece := file.read(MAX_PART_BYTES):
            file_import = add_part(file_import, file.tell() - len(piece), piece, actor=ACTOR)
    if received_bytes(file_import) == 0:
        raise FileFault("The file is empty.")
    return file_import


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_mapping(path: Path) -> Mapping[str, Any]:
    try:
        mapping: Mapping[str, Any] = read_document(path.read_bytes())
    except OSError:
        raise CommandError(f"There is no file {path}.") from None
    except NotADocument as error:
        raise CommandError(str(error)) from None
    return mapping


def _write_refused(
    file: TextIO, number: int, code: str, column: str, detail: str, cells: Mapping[str, Any]
) -> None:
    row = {"row": number, "code": code, "column": column, "detail": detail, "cells": cells}
    file.write(exact_json.dumps(row) + "\n")
