"""Uploading a file in parts, and starting, cancelling and expiring imports."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from ingestion.imports.content import content_of, sweep_folder
from ingestion.imports.faults import FileFault
from ingestion.imports.inspect import Inspection, inspect_file
from ingestion.imports.job import known_purposes
from ingestion.imports.mapping import RowMapping, check_columns, check_purposes, parse_mapping
from ingestion.imports.tables import DELIMITERS
from ingestion.models import FileImport, ImportPart
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.models import Source
from profiles.services import Actor, audited

READ_IMPORTS = "ingestion.read_imports"
Status = FileImport.Status
MAX_PART_BYTES = 8 * 1024 * 1024
_HASHED_AT_ONCE = 1024 * 1024


class WrongOffset(Exception):
    """A part does not begin where the last one ended: at `received`."""

    def __init__(self, received: int) -> None:
        super().__init__(received)
        self.received = received


class WrongStatus(Exception):
    """The import has come too far, or not far enough, for this."""


def begin_import(
    source: Source, name: str, size: int, *, actor: Actor, reading: Mapping[str, Any] | None = None
) -> FileImport:
    """Announce a file of so many bytes, whose parts are then added."""
    with audited(actor, "import.begun") as deed:
        file_import = FileImport.objects.create(
            source=source,
            name=name[-255:],
            size=size,
            reading=dict(reading or {}),
            created_by=str(actor),
        )
        deed.about("import", file_import.uuid, source=[None, source.key], size=[None, size])
    return file_import


def received_bytes(file_import: FileImport) -> int:
    """Return how much of the file has come so far."""
    last = file_import.parts.order_by("-offset").first()
    return last.offset + len(last.content) if last else 0


def add_part(file_import: FileImport, offset: int, content: bytes, *, actor: Actor) -> FileImport:
    """Add the next bytes of a file; the one that is whole then is `uploaded`.

    Raises WrongOffset for any but the next bytes, WrongStatus once the file is whole, and
    FileFault for more bytes than were announced.
    """
    with audited(actor, "import.uploaded") as deed:
        locked = FileImport.objects.select_for_update().get(pk=file_import.pk)
        if locked.status != Status.UPLOADING:
            raise WrongStatus
        received = received_bytes(locked)
        if offset != received:
            raise WrongOffset(received)
        if received + len(content) > locked.size:
            raise FileFault("These are more bytes than were announced.")
        if content:
            ImportPart.objects.create(file_import=locked, offset=offset, content=content)
        if received + len(content) == locked.size:
            locked.digest = _digest(locked)
            locked.status = Status.UPLOADED
            locked.save(update_fields=["digest", "status"])
            deed.about("import", locked.uuid, status=[Status.UPLOADING, Status.UPLOADED])
    return locked


def inspect_import(file_import: FileImport, reading: Mapping[str, Any] | None = None) -> Inspection:
    """Return what the first rows of an uploaded file show. Raises FileFault and WrongStatus."""
    if file_import.status != Status.UPLOADED:
        raise WrongStatus
    with content_of(file_import) as content:
        return inspect_file(content, reading if reading is not None else file_import.reading)


def prepare_import(
    file_import: FileImport, mapping: Mapping[str, Any], reading: Mapping[str, Any] | None = None
) -> FileImport:
    """Set what the columns mean, in memory. Raises MappingFaults, FileFault and WrongStatus."""
    parsed = parse_mapping(mapping)
    inspection = _inspect_for(parsed, file_import, reading)
    check_columns(parsed, [column.name for column in inspection.columns])
    check_purposes(parsed, known_purposes(file_import.source_id))
    file_import.mapping = dict(mapping)
    file_import.reading = inspection.reading.as_stored()
    used = {target.column for target in parsed.targets}
    file_import.formats = {
        name: format_ for name, format_ in inspection.formats.items() if name in used
    }
    return file_import


def _inspect_for(
    mapping: RowMapping, file_import: FileImport, reading: Mapping[str, Any] | None
) -> Inspection:
    """Return what the file shows to whoever knows its columns.

    A first row that names all columns of the mapping is the header, and what parts it so is the
    delimiter, whatever a few rows look like.
    """
    inspection = inspect_import(file_import, reading)
    stated = reading if reading is not None else file_import.reading
    wanted = {target.column for target in mapping.targets}
    if inspection.reading.format != "csv" or "has_header" in stated or wanted <= _names(inspection):
        return inspection
    delimiters = [stated["delimiter"]] if "delimiter" in stated else DELIMITERS
    for delimiter in delimiters:
        known = {**stated, "delimiter": delimiter, "has_header": True}
        other = inspect_import(file_import, known)
        if wanted <= _names(other):
            return other
    return inspection


def _names(inspection: Inspection) -> set[str]:
    return {column.name for column in inspection.columns}


def start_import(
    file_import: FileImport,
    mapping: Mapping[str, Any],
    *,
    actor: Actor,
    reading: Mapping[str, Any] | None = None,
) -> FileImport:
    """Have an uploaded file read, its columns as the mapping says.

    Raises MappingFaults, FileFault, and WrongStatus where it was started before.
    """
    prepared = prepare_import(file_import, mapping, reading)
    with audited(actor, "import.started") as deed:
        changes = {name: getattr(prepared, name) for name in ("mapping", "reading", "formats")}
        waiting = FileImport.objects.filter(pk=file_import.pk, status=Status.UPLOADED)
        if not waiting.update(status=Status.READING, started_at=database_now(), **changes):
            raise WrongStatus
        deed.about("import", file_import.uuid, status=[Status.UPLOADED, Status.READING])
        nudge(READ_IMPORTS)
    file_import.refresh_from_db()
    return file_import


def cancel_import(file_import: FileImport, *, actor: Actor) -> None:
    """Read no further, and delete what is left of the file. Raises WrongStatus.

    Rows that were read take effect all the same.
    """
    with audited(actor, "import.cancelled") as deed:
        running = (Status.UPLOADING, Status.UPLOADED, Status.READING)
        current = FileImport.objects.filter(pk=file_import.pk, status__in=running)
        if not current.update(status=Status.CANCELLED, finished_at=database_now(), lease=None):
            raise WrongStatus
        file_import.parts.all().delete()
        deed.about("import", file_import.uuid, status=[file_import.status, Status.CANCELLED])


def expire_imports() -> int:
    """Delete files that nobody started, and what was refused of old ones; return how many."""
    sweep_folder()
    oldest = database_now() - timedelta(days=settings.IMPORT_DAYS)
    unfinished = (Status.UPLOADING, Status.UPLOADED)
    with transaction.atomic():
        idle = FileImport.objects.filter(status__in=unfinished, created_at__lt=oldest)
        ended = FileImport.objects.filter(finished_at__lt=oldest)
        return idle.delete()[0] + ended.delete()[0]


def _digest(file_import: FileImport) -> str:
    digest = hashlib.sha256()
    with content_of(file_import) as content:
        while piece := content.read(_HASHED_AT_ONCE):
            digest.update(piece)
    return digest.hexdigest()
