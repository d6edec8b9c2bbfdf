"""The ZIP file with a person's copy of their data, for a request of access or portability.

Invariant: rows are written as they are read, so that a long history needs no more memory.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import IO, Any

from django.conf import settings
from django.utils import translation
from django.utils.text import slugify

from consent.models import AccessArchive, PrivacyRequest
from consent.requests.archives.article15 import handling_of, information_about
from consent.requests.archives.collecting import PersonCopy, Row, copy_of
from consent.requests.archives.folder import SignedFolder
from consent.requests.archives.portability import lines_of_csv, portable_sections
from consent.requests.archives.schemas import SchemaName, archive_schema
from consent.requests.archives.summary import summary_of
from consent.requests.subjects import Subject
from profiles.lib.exact_json import dump_bytes

_IN_MEMORY = 8 * 1024 * 1024


def make_archive(request: PrivacyRequest, subject: Subject, *, now: datetime) -> AccessArchive:
    """Write the archive of an access or portability request. The caller holds the people lock."""
    is_access = request.kind == PrivacyRequest.Kind.ACCESS
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        with translation.override(request.language or settings.LANGUAGE_CODE), ExitStack() as stack:
            copies = [
                stack.enter_context(copy_of(person, is_whole=subject.is_whole, at=now))
                for person in subject.people
            ]
            with SignedFolder(file, made_at=now) as folder:
                if is_access:
                    _write_access(folder, copies, subject, now)
                _write_portability(folder, copies, now)
        file.seek(0)
        return _store(request, file.read(), now)


def _store(request: PrivacyRequest, content: bytes, now: datetime) -> AccessArchive:
    archive, _ = AccessArchive.objects.update_or_create(
        request=request,
        defaults={
            "content": content,
            "expires_at": now + timedelta(days=settings.ACCESS_ARCHIVE_DAYS),
            "fetches": 0,
            "fetched_at": None,
            "confirmed_at": None,
        },
    )
    return archive


def _write_access(
    folder: SignedFolder, copies: Sequence[PersonCopy], subject: Subject, now: datetime
) -> None:
    with folder.file("data.json") as file:
        _write_people(file, copies, now, _write_all)
    folder.json("data.schema.json", archive_schema(SchemaName.DATA))
    handling = [handling_of(copy) for copy in copies]
    folder.json("article15.json", information_about(subject, now=now) | {"profiles": handling})
    with folder.file("summary.html") as file:
        for piece in summary_of(copies, is_whole=subject.is_whole, now=now):
            file.write(piece.encode())


def _write_portability(folder: SignedFolder, copies: Sequence[PersonCopy], now: datetime) -> None:
    with folder.file("portability.json") as file:
        _write_people(file, copies, now, _write_portable)
    folder.json("portability.schema.json", archive_schema(SchemaName.PORTABILITY))
    titles = (title for copy in copies for title, rows in portable_sections(copy) if any(rows))
    for title in list(dict.fromkeys(titles)):
        with folder.file(f"csv/{slugify(title)}.csv") as file:
            for line in lines_of_csv(_rows_of(copies, title)):
                file.write(line.encode())


def _write_people(
    file: IO[bytes],
    copies: Sequence[PersonCopy],
    now: datetime,
    write: Callable[[IO[bytes], PersonCopy], None],
) -> None:
    file.write(b'{"made_at": %b, "profiles": [' % dump_bytes(now))
    for number, copy in enumerate(copies):
        file.write(b",\n" if number else b"\n")
        write(file, copy)
    file.write(b"\n]}\n")


def _write_all(file: IO[bytes], copy: PersonCopy) -> None:
    head = {"id": copy.id, "traits": copy.traits, "consents": copy.consents}
    _write_person(file, head, ((data.title, rows) for data, rows in copy.sections()))


def _write_portable(file: IO[bytes], copy: PersonCopy) -> None:
    _write_person(file, {"id": copy.id}, portable_sections(copy))


def _write_person(
    file: IO[bytes], head: dict[str, Any], sections: Iterator[tuple[str, Iterator[Row]]]
) -> None:
    # The closing brace comes after the sections, which are never in memory together.
    file.write(dump_bytes(head)[:-1] + b', "sections": {')
    for number, (title, rows) in enumerate(sections):
        file.write((b"," if number else b"") + b"\n" + dump_bytes(title) + b": [")
        for place, row in enumerate(rows):
            file.write((b",\n" if place else b"\n") + dump_bytes(row))
        file.write(b"]")
    file.write(b"}}")


def _rows_of(copies: Sequence[PersonCopy], wanted: str) -> Iterator[Row]:
    for copy in copies:
        for title, rows in portable_sections(copy):
            if title == wanted:
                yield from rows
